-- Match: patterns for messages, as Lua tables. A message is a row of values with their number as `n`.
--
--   ANY       matches everything and extracts it         IGNORE  matches everything, extracts nothing
--   kinds     match.string, match.integer, ...           match values of that kind, and extract them
--   function  matches where it returns true              table   matches a table of the same length and with these keys
--   anything else matches what is equal to it.
-- As a whole pattern, a table is matched against the row, position by position; a plain value is compared with the
-- first of the row, a function gets all of it, and nil matches any message.

local match = {}

local function marker(name)
  return setmetatable({}, { __name = "luvisor.match", __tostring = function() return "match." .. name end })
end

match.ANY, match.IGNORE = marker "ANY", marker "IGNORE"

local ANY, IGNORE = match.ANY, match.IGNORE
local KINDS = {}
for _, name in ipairs { "string", "number", "boolean", "table", "integer", "float" } do
  match[name] = marker(name)
  KINDS[match[name]] = name
end
match.none = marker "none"
KINDS[match.none] = "nil"

local Case = { __name = "luvisor.case" }

--- A pattern with what is to be done: receive { match.case(pattern, fn), ... } calls the fn of the first that matches
--- with what was extracted, and returns its results.
function match.case(pattern, fn)
  if type(fn) ~= "function" then error("match.case: expected a function, got " .. type(fn), 2) end
  return setmetatable({ pattern = pattern, fn = fn }, Case)
end

local function is_case(value)
  return getmetatable(value) == Case
end

local function extract(out, value)
  out.n = out.n + 1
  out[out.n] = value
  return true
end

local function is_kind(kind, value)
  return type(value) == kind or math.type(value) == kind
end

local fits

local function by_text(a, b)
  return tostring(a) < tostring(b)
end

local function fits_table(pattern, value, out)
  if type(value) ~= "table" or #pattern ~= #value then return false end
  local length, names = #pattern, nil
  for i = 1, length do
    if not fits(pattern[i], value[i], out) then return false end
  end
  for key in pairs(pattern) do
    if math.type(key) ~= "integer" or key < 1 or key > length then
      names = names or {}
      names[#names + 1] = key
    end
  end
  if not names then return true end
  table.sort(names, by_text) -- what is extracted comes in an order that one can rely on
  for _, key in ipairs(names) do
    if not fits(pattern[key], value[key], out) then return false end
  end
  return true
end

function fits(pattern, value, out)
  if pattern == ANY then return extract(out, value) end
  if pattern == IGNORE then return true end
  local kind = KINDS[pattern]
  if kind then return is_kind(kind, value) and extract(out, value) end
  if type(pattern) == "function" then return pattern(value) == true end
  if type(pattern) == "table" and not getmetatable(pattern) then return fits_table(pattern, value, out) end
  return pattern == value
end

local function fits_row(pattern, row, out)
  if #pattern ~= row.n then return false end
  for i = 1, row.n do
    if not fits(pattern[i], row[i], out) then return false end
  end
  return true
end

-- What a message gives by a pattern: a row, or nil where it does not match.
local function test(pattern, row)
  if pattern == nil then return row end
  if type(pattern) == "function" then return pattern(table.unpack(row, 1, row.n)) == true and row or nil end
  if type(pattern) ~= "table" then return row[1] == pattern and row or nil end
  local out = { n = 0 }
  if getmetatable(pattern) then return row.n == 1 and fits(pattern, row[1], out) and out or nil end
  if not fits_row(pattern, row, out) then return nil end
  return out.n > 0 and out or row
end

--- What a message gives: the row of what was extracted (all of it, if the pattern extracts nothing) and the function of
--- the case that matched; nil where nothing does.
---@param pattern any
---@param row { n: integer }
---@return table|nil out
---@return function|nil fn
function match.test(pattern, row)
  if type(pattern) ~= "table" or not is_case(pattern[1]) then return test(pattern, row) end
  for _, case in ipairs(pattern) do
    local out = is_case(case) and test(case.pattern, row)
    if out then return out, case.fn end
  end
end

return match
