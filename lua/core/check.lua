-- Checks of single values that a script gives. Each is a function
--   check(value) -> true, normalized value | false, message [, key below the value]
-- and the builders make such functions.

local lazy = require "luvisor.core.lazy"
local suggest = lazy "luvisor.core.suggest"
local units = require "luvisor.core.units"

local check = {}

local huge = math.huge
local find = string.find

--- What a value is, for a message: a number or a short string as written, else its type.
---@param value any
---@return string
function check.got(value)
  if type(value) == "number" then return tostring(value) end
  if type(value) == "string" and #value <= 40 then return ('"%s"'):format(value) end
  return type(value)
end

local function expected(what, value)
  return false, ("expected %s, got %s"):format(what, check.got(value))
end

check.expected = expected

function check.boolean(value)
  if type(value) == "boolean" then return true, value end
  return expected("true or false", value)
end

function check.table(value)
  if type(value) == "table" then return true, value end
  return expected("a table", value)
end

--- A string that the operating system can take: not empty, no NUL.
function check.text(value)
  if type(value) ~= "string" then return expected("a string", value) end
  if value == "" then return false, "must not be empty" end
  if find(value, "\0", 1, true) then return false, "must not contain a NUL" end
  return true, value
end

--- A finite number of seconds > 0.
function check.seconds(value)
  if units.is_seconds(value) and value > 0 then return true, value end
  return expected("seconds > 0", value)
end

--- A finite number of seconds >= 0.
function check.delay(value)
  if units.is_seconds(value) then return true, value end
  return expected("seconds >= 0", value)
end

function check.shutdown(value)
  if units.is_seconds(value) or value == "kill" or value == "infinity" then return true, value end
  local hint = type(value) == "string" and suggest.hint(value, { "kill", "infinity" }) or ""
  if hint ~= "" then return false, ('unknown value "%s"%s'):format(value, hint) end
  return expected('seconds, "kill" or "infinity"', value)
end

--- Seconds > 0; "infinity" or false for no limit at all (false).
function check.limit(value)
  if value == "infinity" or value == false then return true, false end
  if units.is_seconds(value) and value > 0 then return true, value end
  return expected('seconds > 0 or "infinity"', value)
end

function check.size(value)
  local bytes = units.size(value)
  if bytes and bytes > 0 then return true, bytes end
  return expected('a size (bytes or text such as "64MB")', value)
end

local NAME = "^[%w_][%w_.@-]*$"

function check.name(value)
  if type(value) ~= "string" then return expected("a string", value) end
  if #value <= 64 and find(value, NAME) then return true, value end
  return false, ('not a name: %s (up to 64 of letters, digits, "_", ".", "@", "-"; the first a letter, digit or "_")')
    :format(#value <= 80 and ("%q"):format(value):gsub("\\\n", "\\n") or "too long")
end

--- A whole number from low to high.
function check.integer(low, high)
  local what = high == huge and ("a whole number >= %d"):format(low)
    or ("a whole number from %d to %d"):format(low, high)
  return function(value)
    local whole = type(value) == "number" and value == value and math.tointeger(value)
    if whole and whole >= low and whole <= high then return true, whole end
    return expected(what, value)
  end
end

-- Modes and masks that were meant to be octal: to Lua, the number 027 is 27, and that is 033.
local MISREAD = {
  [22] = true, [26] = true, [27] = true, [37] = true, [66] = true, [67] = true, [77] = true, [177] = true, [277] = true,
  [377] = true, [400] = true, [440] = true, [444] = true,
}

--- Bits of a mode: octal text, or the number itself, unless it looks as if octal had been meant.
function check.octal(what)
  return function(value)
    local bits = type(value) == "string" and value:find "^[0-7]+$" and tonumber(value, 8)
      or math.type(value) == "integer" and not MISREAD[value] and value
    if bits and bits >= 0 and bits <= 511 then return true, bits end
    return expected("octal text, " .. what, value)
  end
end

--- A finite number from low to high.
function check.number(low, high)
  local what = high == huge and ("a number >= %g"):format(low) or ("a number from %g to %g"):format(low, high)
  return function(value)
    if type(value) == "number" and value >= low and value <= high and value < huge then return true, value end
    return expected(what, value)
  end
end

--- One of the given strings.
function check.one_of(words)
  local known = {}
  for _, word in ipairs(words) do known[word] = true end
  local what = '"' .. table.concat(words, '", "') .. '"'
  return function(value)
    if known[value] then return true, value end
    if type(value) ~= "string" then return expected("one of " .. what, value) end
    return false, suggest.unknown(value, words)
  end
end

--- Length of a list without holes; nil for a table that is none.
---@param list table
---@return integer|nil
function check.length(list)
  local count = 0
  for key in pairs(list) do
    if math.type(key) ~= "integer" then return nil end
    count = count + 1
  end
  return count == #list and count or nil
end

--- A list of values that all pass a check.
function check.list(what, item)
  return function(value)
    if type(value) ~= "table" then return expected("a list of " .. what, value) end
    if not check.length(value) then
      return false, ("expected a list of %s, without holes and keys"):format(what)
    end
    local result = {}
    for i = 1, #value do
      local ok, one, below = item(value[i])
      if not ok then return false, one, ("[%d]%s"):format(i, below or "") end
      result[i] = one
    end
    return true, result
  end
end

--- A check whose value may also be a function of the index in a program with `count`; there it is called before.
function check.indexed(inner)
  return function(value)
    if type(value) == "function" then return false, 'a function of the index needs "count"' end
    return inner(value)
  end
end

--- Known keys of a record as a sorted list.
---@param schema table<string, function>
---@return string[]
function check.keys(schema)
  local list = {}
  for key in pairs(schema) do list[#list + 1] = key end
  table.sort(list)
  return list
end

local function unknown_key(schema, key)
  if math.type(key) == "integer" then return ("unexpected value at position %d"):format(key) end
  return "unknown key" .. suggest.hint(key, check.keys(schema))
end

check.unknown_key = unknown_key

--- A table with known keys, each with its check.
function check.record(schema)
  return function(value)
    if type(value) ~= "table" then
      local known = check.keys(schema)
      local what = #known <= 6 and (" { %s = }"):format(table.concat(known, " =, ")) or ""
      return expected("a table" .. what, value)
    end
    local result = {}
    for key, one in pairs(value) do
      local item = schema[key]
      if not item then return false, unknown_key(schema, key), "." .. tostring(key) end
      local ok, normal, below = item(one)
      if not ok then return false, normal, "." .. key .. (below or "") end
      result[key] = normal
    end
    return true, result
  end
end

local BOOLEANS = { ["true"] = true, ["1"] = true, yes = true, ["false"] = false, ["0"] = false, no = false }

--- The value that a literal of the environment stands for: boolean, number or the text itself.
---@param literal string
---@param is_boolean boolean whether a boolean is wanted
---@return any value
function check.literal(literal, is_boolean)
  local text = literal:match("^%s*(.-)%s*$")
  if is_boolean then
    local value = BOOLEANS[text:lower()]
    if value == nil then return literal end
    return value
  end
  if text:find("^[+-]?%.?%d[%d.]*[eE]?[+-]?%d*$") then return tonumber(text) or literal end
  return text
end

return check
