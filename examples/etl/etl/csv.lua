-- SPDX-License-Identifier: Apache-2.0
-- CSV to JSON lines. The first line names the columns; fields may be quoted, a quote within is doubled, and none goes
-- over several lines.

local csv = {}

-- The field at `at`, and where the next one begins; nil after the last one of the line.
local function field(line, at)
  if line:sub(at, at) ~= '"' then
    local stop = line:find(",", at, true)
    return line:sub(at, (stop or #line + 1) - 1), stop and stop + 1
  end
  local text, stop = "", at
  repeat
    local first, last = line:find('^"[^"]*"', stop)
    if not first then return nil, nil, "a quote is not closed" end
    text = text .. (stop > at and '"' or "") .. line:sub(first + 1, last - 1)
    stop = last + 1
  until line:sub(stop, stop) ~= '"'
  if stop > #line then return text end
  if line:sub(stop, stop) ~= "," then return nil, nil, "text after a closing quote" end
  return text, stop + 1
end

local function split(line)
  local fields, at = {}, 1
  repeat
    local text, following, problem = field(line, at)
    if not text then return nil, problem end
    fields[#fields + 1], at = text, following
  until not at
  return fields
end

local function check_columns(columns)
  local seen = {}
  for _, name in ipairs(columns) do
    if seen[name] then return ('two columns "%s"'):format(name) end
    seen[name] = true
  end
end

local function read_line(line, columns)
  if not utf8.len(line) then return nil, "not UTF-8" end
  local fields, problem = split(line)
  if not fields then return nil, problem end
  if columns and #fields ~= #columns then return nil, ("%d fields, %d columns"):format(#fields, #columns) end
  problem = not columns and check_columns(fields)
  if problem then return nil, problem end
  return fields
end

--- The rows of a CSV text as tables by column, or nil and what is wrong with it.
---@param text string
---@return table[]|nil rows
---@return string[]|string columns or message
function csv.parse(text)
  local columns, rows, number = nil, {}, 0
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("\r\n", "\n")
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if line ~= "" then
      local fields, problem = read_line(line, columns)
      if not fields then return nil, ("line %d: %s"):format(number, problem) end
      if columns then rows[#rows + 1] = fields else columns = fields end
    end
  end
  if not columns then return nil, "empty" end
  return rows, columns
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\t"] = "\\t" }

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(char)
    return ESCAPES[char] or ("\\u%04x"):format(char:byte())
  end) .. '"'
end

--- A row as one line of JSON. `id` names the record for good: the same row of the same file always has the same.
function csv.json(id, columns, row)
  local parts = {}
  for i, column in ipairs(columns) do parts[i] = quoted(column) .. ":" .. quoted(row[i]) end
  return ('{"id":%s,"fields":{%s}}'):format(quoted(id), table.concat(parts, ","))
end

return csv
