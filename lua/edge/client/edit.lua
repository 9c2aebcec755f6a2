-- Client, edit: `luvisor add`, `remove`, `scale` and `set`: what was changed on stdout.

local client = require "luvisor.edge.client"
local json = require "host.json"
local steps = require "luvisor.edge.client.reload"
local system = require "host.system"

local edit = {}

--- Adds what a file describes.
---@param operands string[]
---@param options table
---@return integer|nil
function edit.add(operands, options)
  local file, message = io.open(operands[1], "rb")
  local text = file and file:read "a"
  if file then file:close() end
  if not text then return client.misused(message or operands[1] .. ": cannot be read") end
  local path = system.absolute(operands[1]) or operands[1]
  return steps.ask("add", { text = text, path = path, under = options.under }, options, true)
end

--- Stops units and forgets them.
function edit.remove(operands, options)
  return steps.ask("remove", { units = operands }, options)
end

--- Changes the number of instances.
function edit.scale(operands, options)
  local count = math.tointeger(tonumber(operands[2]))
  if not count or count < 1 then
    return client.misused(('scale: expected how many instances, 1 or more, got "%s"'):format(operands[2]))
  end
  return steps.ask("scale", { unit = operands[1], count = count }, options, true)
end

local WORDS = { ["true"] = true, ["false"] = false }

-- A number, true, false, JSON, or else the text as it stands.
local function value_of(text)
  local number = tonumber(text)
  if number then return number end
  if WORDS[text] ~= nil then return WORDS[text] end
  if text:find "^%s*[%[{]" then return json.decode(text) end
  return text
end

--- Gives a key another value.
function edit.set(operands, options)
  local value, message = value_of(operands[3])
  if value == nil then return client.misused(("set: %s: %s"):format(operands[3], message)) end
  return steps.ask("set", { unit = operands[1], key = operands[2], value = value }, options)
end

return edit
