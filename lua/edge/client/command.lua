-- Client, command: `luvisor start`, `stop`, `restart`, `signal` and `shutdown`: what came of it, unit by unit, on
-- stdout when it is well and on stderr when it is not.

local client = require "luvisor.edge.client"
local progress = require "luvisor.edge.client.progress"

local command = {}

local codes = client.codes
local DEFAULT_TIMEOUT = 60 -- seconds

--- Seconds of --timeout; nil and a message when they are none.
function command.seconds(options)
  if not options.timeout then return DEFAULT_TIMEOUT end
  local seconds = tonumber(options.timeout)
  if seconds and seconds > 0 and seconds <= 86400 then return seconds end
  return nil, ('--timeout: expected seconds > 0, got "%s"'):format(options.timeout)
end

local function line_of(outcome)
  if not outcome.ok then return ("%s %s"):format(outcome.path, outcome.message) end
  local why = outcome.why and (" (%s)"):format(outcome.why) or ""
  return ("%s: %s%s"):format(outcome.path, outcome.state, why)
end

--- What a program that failed has said last.
---@param outcome { last_words?: string[] }
function command.print_last_words(outcome)
  for _, line in ipairs(outcome.last_words or {}) do client.print("  | " .. line .. "\n", 2) end
end

local function print_outcome(outcome)
  if outcome.ok then return client.print(line_of(outcome) .. "\n") end
  client.complain(line_of(outcome))
  command.print_last_words(outcome)
end

local function code_of(result)
  if result.ok then return codes.DONE end
  return result.timed_out and codes.TIMED_OUT or codes.FAILED
end

--- Carries out start, stop or restart.
---@param what string
---@param operands string[]
---@param options table
---@return integer|nil
function command.change(what, operands, options)
  if options.rolling then return command.rolling(operands, options) end
  local seconds, message = command.seconds(options)
  if not seconds then return client.misused(message) end
  return client.connect(options, function(self)
    progress.show(self)
    local params = {
      units = operands, force = options.force or false, wait = not options["no-wait"],
      progress = progress.is_wanted(),
    }
    self:ask(what, params, function(result)
      for _, outcome in ipairs(result.units) do print_outcome(outcome) end
      client.quit(code_of(result))
    end, seconds)
  end)
end

local ROLLING = 86400 -- seconds, at most; each instance has limits of its own

--- Restarts instances one after the other.
---@param operands string[]
---@param options table
---@return integer|nil
function command.rolling(operands, options)
  return client.connect(options, function(self)
    progress.show(self)
    self:ask("rolling", { units = operands, progress = progress.is_wanted() }, function(result)
      for _, one in ipairs(result.units) do
        if one.ok then
          client.print(("%s: %d restarted\n"):format(one.path, one.restarted))
        else
          client.complain(("%s: %s"):format(one.path, one.message))
        end
      end
      client.quit(code_of(result))
    end, ROLLING)
  end)
end

--- Sends a signal.
---@param operands string[] the signal, then units
---@param options table
---@return integer|nil
function command.signal(operands, options)
  local units = table.move(operands, 2, #operands, 1, {})
  return client.connect(options, function(self)
    self:ask("signal", { signal = operands[1], units = units }, function(result)
      for _, outcome in ipairs(result.units) do
        if not outcome.ok then client.complain(("%s %s"):format(outcome.path, outcome.message)) end
      end
      client.quit(code_of(result))
    end)
  end)
end

--- Ends the host, and waits for that.
---@param options table
---@return integer|nil
function command.shutdown(_, options)
  local seconds, message = command.seconds(options)
  if not seconds then return client.misused(message) end
  return client.connect(options, function(self)
    local function gone() client.quit(codes.DONE) end
    self.leaving = gone
    self:ask("shutdown", { force = options.force or false }, function()
      if options["no-wait"] then return gone() end
      client.quit_after(seconds, codes.TIMED_OUT, "the tree is still stopping")
    end)
  end)
end

return command
