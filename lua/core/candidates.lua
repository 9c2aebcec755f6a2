-- Candidates: what the word before the cursor of a REPL may become: a name in the environment, a field or method of
-- what stands before a dot or colon, or the path of a unit within quotes. Looks only; it calls nothing.

local candidates = {}

local MOST = 200

local function add_names(found, value, prefix, wanted)
  if type(value) ~= "table" then return end
  for key, field in next, value do
    local fits = type(key) == "string" and key:find "^[%a_][%w_]*$" and key:sub(1, #prefix) == prefix
    if fits and (not wanted or type(field) == wanted) and key:sub(1, 2) ~= "__" then found[key] = true end
  end
end

local function index_of(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__index") or nil
end

-- a table and what it inherits from
local function names_of(value, prefix, wanted)
  local found = {}
  for _ = 1, 10 do
    add_names(found, value, prefix, wanted)
    value = index_of(value)
    if type(value) ~= "table" then break end
  end
  return found
end

local function field_of(value, name)
  for _ = 1, 10 do
    local field = type(value) == "table" and rawget(value, name) or nil
    if field ~= nil then return field end
    value = index_of(value)
    if type(value) ~= "table" then return nil end
  end
end

local function resolve(environment, path)
  local value = environment
  for name in path:gmatch "[%a_][%w_]*" do
    value = field_of(value, name)
    if value == nil then return nil end
  end
  return value
end

local function sorted(found)
  local list = {}
  for name in pairs(found) do list[#list + 1] = name end
  table.sort(list)
  return #list <= MOST and list or table.move(list, 1, MOST, 1, {})
end

local function units(paths, typed)
  local found = {}
  for _, path in ipairs(paths) do
    local last = path:match "[^/]+$"
    if path:sub(1, #typed) == typed then found[path] = true
    elseif last:sub(1, #typed) == typed and typed ~= "" then found[last] = true end
  end
  return sorted(found)
end

--- Candidates for the end of `text`, and how many bytes of it they replace.
---@param text string up to the cursor
---@param environment table
---@param paths string[] of the units
---@return string[] candidates
---@return integer replaced
function candidates.of(text, environment, paths)
  local quoted = text:match "[\"']([%w_./@:-]*)$"
  if quoted and select(2, text:gsub("[\"']", "")) % 2 == 1 then return units(paths, quoted), #quoted end
  local path, separator, typed = text:match "([%a_][%w_.]*)([.:])([%w_]*)$"
  if not path then
    typed = text:match "[%a_][%w_]*$" or ""
    return typed ~= "" and sorted(names_of(environment, typed)) or {}, #typed
  end
  local value = resolve(environment, path)
  if type(value) == "string" then value = string end
  return sorted(names_of(value, typed, separator == ":" and "function" or nil)), #typed
end

return candidates
