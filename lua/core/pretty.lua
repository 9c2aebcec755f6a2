-- Pretty: a value as text for people: tables with sorted keys, on one line where they fit, cycles named, and bounded
-- however large the value is. What it prints of plain data can be read back by Lua.

local pretty = {}

local BOUNDS = { depth = 6, items = 100, bytes = 32768, width = 80, string = 1000 }

local NAMES = { [7] = "\\a", [8] = "\\b", [9] = "\\t", [10] = "\\n", [11] = "\\v", [12] = "\\f", [13] = "\\r" }

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

-- ---- scalars

local function escape(char)
  local byte = char:byte()
  return NAMES[byte] or ("\\x%02X"):format(byte)
end

--- A string in quotes, with escapes for what a terminal would not show; bytes that are no UTF-8 come as \xHH.
---@param text string
---@param longest? integer bytes that are shown
---@return string
function pretty.quote(text, longest)
  local rest = ""
  if longest and #text > longest then
    rest = (" --[[ %d bytes more ]]"):format(#text - longest)
    text = text:sub(1, longest)
  end
  local quoted = text:gsub('["\\]', "\\%0"):gsub("[%c\127]", escape)
  if not utf8.len(quoted) then quoted = quoted:gsub("[\128-\255]", escape) end
  return '"' .. quoted .. '"' .. rest
end

local function number(value)
  if value ~= value then return "0/0" end
  if value == math.huge then return "math.huge" elseif value == -math.huge then return "-math.huge" end
  if math.type(value) == "integer" then return tostring(value) end
  local short = ("%.14g"):format(value)
  if tonumber(short) ~= value then short = ("%.17g"):format(value) end
  return short:find("[%.en]") and short or short .. ".0"
end

local function key_text(key, state)
  if type(key) == "string" then
    if key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
    return "[" .. pretty.quote(key, state.bounds.string) .. "]"
  end
  if type(key) == "number" then return "[" .. number(key) .. "]" end
  return "[" .. tostring(key) .. "]"
end

-- ---- tables

local function before(a, b)
  local left, right = type(a), type(b)
  if left ~= right then return left < right end
  if left == "number" or left == "string" then return a < b end
  return tostring(a) < tostring(b)
end

-- the keys beside the list part, sorted, and how many there are too many
local function other_keys(value, count, state)
  local keys, more = {}, 0
  for key in next, value do
    if not (math.type(key) == "integer" and key >= 1 and key <= count) then
      if #keys < 10 * state.bounds.items then keys[#keys + 1] = key else more = more + 1 end
    end
  end
  table.sort(keys, before)
  return keys, more
end

local write

local function gather(value, state, depth)
  local parts, left = {}, state.bounds.items
  local count = rawlen(value)
  for index = 1, math.min(count, left) do parts[index] = write(rawget(value, index), state, depth + 1) end
  left = left - #parts
  local keys, more = other_keys(value, count, state)
  for index = 1, math.min(#keys, left) do
    local key = keys[index]
    parts[#parts + 1] = key_text(key, state) .. " = " .. write(rawget(value, key), state, depth + 1)
  end
  local hidden = count + #keys + more - #parts
  if hidden > 0 then parts[#parts + 1] = ("--[[ %d more ]]"):format(hidden) end
  return parts
end

local function lay_out(parts, state, depth)
  local inline = "{ " .. table.concat(parts, ", ") .. " }"
  if #inline + 2 * depth <= state.bounds.width and not inline:find "\n" then return inline end
  local indent = ("  "):rep(depth + 1)
  return "{\n" .. indent .. table.concat(parts, ",\n" .. indent) .. "\n" .. ("  "):rep(depth) .. "}"
end

-- an object says itself what it is; one whose __tostring fails does not get away with it
local function own_text(value)
  local meta = getmetatable(value)
  if type(meta) ~= "table" or not (rawget(meta, "__tostring") or rawget(meta, "__name")) then return nil end
  local ok, text = pcall(tostring, value)
  return ok and text or type(value) .. " that cannot be shown"
end

local function write_table(value, state, depth)
  local text = own_text(value)
  if text then return "<" .. text .. ">" end
  if state.open[value] then return "<cycle>" end
  if next(value) == nil then return "{}" end
  if depth >= state.bounds.depth or state.spent > state.bounds.bytes then return "{...}" end
  state.open[value] = true
  local parts = gather(value, state, depth)
  state.open[value] = nil
  return lay_out(parts, state, depth)
end

local SCALARS = {
  string = function(value, state) return pretty.quote(value, state.bounds.string) end,
  number = number,
  boolean = tostring,
  ["nil"] = tostring,
}

function write(value, state, depth)
  local kind = type(value)
  if kind == "table" then return write_table(value, state, depth) end
  local scalar = SCALARS[kind]
  local text = scalar and scalar(value, state) or "<" .. (own_text(value) or tostring(value)) .. ">"
  state.spent = state.spent + #text
  return text
end

--- The text of a value.
---@param value any
---@param bounds? { depth?: integer, items?: integer, bytes?: integer, width?: integer, string?: integer }
---@return string
function pretty.format(value, bounds)
  local all = setmetatable(bounds or {}, { __index = BOUNDS })
  return write(value, { bounds = all, open = {}, spent = 0 }, 0)
end

return pretty
