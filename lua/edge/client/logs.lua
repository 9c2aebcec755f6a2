-- Client, logs: `luvisor logs`: what units have said, what they wrote to stderr on stderr; with -f as they say it.

local client = require "luvisor.edge.client"
local sheet = require "luvisor.edge.sheet"

local logs = {}

local NONE = "writes to the host's own stdout and stderr, and nothing of it is kept; see `stdout` and `stderr`"

-- Whole lines only: two units never share one.
local function printer(many)
  local rest = {}
  return function(unit, stream, text, at_end)
    local key = unit .. "\0" .. stream
    text = (rest[key] or "") .. text
    local whole = at_end and text or text:match "^.*\n"
    rest[key] = at_end and "" or text:sub(#(whole or "") + 1)
    if not whole or whole == "" then return end
    if whole:sub(-1) ~= "\n" then whole = whole .. "\n" end
    if many then
      local prefix = sheet.paint(unit, "dim") .. " | "
      whole = whole:gsub("([^\n]*)\n", function(line) return prefix .. line .. "\n" end)
    end
    client.print(whole, stream == "stderr" and 2 or 1)
  end
end

local function count_units(streams)
  local seen, count = {}, 0
  for _, one in ipairs(streams) do
    if not seen[one.unit] then seen[one.unit], count = true, count + 1 end
  end
  return count
end

local function print_last(streams, put)
  for _, one in ipairs(streams) do
    if one.stream == "none" then
      client.complain(("%s %s"):format(one.unit, NONE))
    elseif one.lines[1] then
      put(one.unit, one.stream, table.concat(one.lines, "\n") .. "\n", true)
    end
  end
end

local function count_of(options)
  if not options.lines then return nil end
  local count = math.tointeger(tonumber(options.lines))
  if count and count >= 0 and count <= 100000 then return count end
  return nil, ('--lines: expected a whole number, got "%s"'):format(options.lines)
end

--- Prints what the units have said.
---@param operands string[]
---@param options table
---@return integer|nil
function logs.call(operands, options)
  local count, message = count_of(options)
  if message then return client.misused(message) end
  return client.connect(options, function(self)
    local put
    self:on("log", function(params)
      if params.lost then client.complain(("%s: %d bytes were lost"):format(params.unit, params.lost)) end
      put(params.unit, params.stream, params.text)
    end)
    self:on("dropped", function(params) client.complain(("%d lines were dropped"):format(params.count)) end)
    local params = { units = operands, lines = count, follow = options.follow or false }
    self:ask("logs", params, function(result)
      put = printer(count_units(result.streams) > 1)
      print_last(result.streams, put)
      if options.follow then
        self.leaving = function() client.quit(client.codes.DONE) end
      else
        client.quit(client.codes.DONE)
      end
    end)
  end)
end

return logs
