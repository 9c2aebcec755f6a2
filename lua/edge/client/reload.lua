-- Client, reload: `luvisor reload` and `luvisor rollback`: the plan on stdout, what did not work out on stderr.

local client = require "luvisor.edge.client"
local command = require "luvisor.edge.client.command"
local json = require "host.json"
local progress = require "luvisor.edge.client.progress"

local reload = {}

local codes = client.codes
local LONGEST = 600 -- seconds; units may take long to stop
local MOST = 86400
local WAITING = { patience = true, wait = true }

local function print_plan(result)
  local lines = {}
  for i, step in ipairs(result.steps) do lines[i] = step.line .. "\n" end
  client.print(lines[1] and table.concat(lines) or "nothing has changed\n")
  for _, one in ipairs(result.failures) do
    client.complain(("%s: %s"):format(one.path, one.message))
    command.print_last_words(one)
  end
end

-- As start has it.
local function code_of(failures)
  local code = failures[1] and codes.FAILED or codes.DONE
  for _, one in ipairs(failures) do
    if one.code == "TIMED_OUT" then code = codes.TIMED_OUT end
  end
  return code
end

--- Calls a method that answers with steps, prints them, and ends the command.
---@param method string
---@param params table
---@param options table
---@param waits? boolean for what is started
---@return integer|nil
function reload.ask(method, params, options, waits)
  local seconds, message = command.seconds(options)
  if not seconds then return client.misused(message) end
  if waits then params.patience, params.wait = seconds, not options["no-wait"] end
  return client.connect(options, function(self)
    progress.show(self)
    self:ask(method, params, function(result)
      if params.progress then progress.clear() end
      if options.json then client.print(json.encode(result) .. "\n") else print_plan(result) end
      client.quit(code_of(result.failures))
    end, math.min(LONGEST + seconds, MOST), WAITING)
  end)
end

--- Carries out `reload` or `rollback`.
---@param method string
---@param options table
---@return integer|nil
function reload.call(method, options)
  return reload.ask(method, { dry_run = options["dry-run"], progress = progress.is_wanted() or nil }, options, true)
end

return reload
