-- Sheet: tables for people: columns that align whatever the texts hold, and colours on a terminal only.

local system = require "host.system"
local width = require "luvisor.core.width"

local sheet = {}

local GAP = "  "
local COLOURS = { dim = "\27[2m", bold = "\27[1m", red = "\27[31m", green = "\27[32m", yellow = "\27[33m" }

--- Whether what is printed may be coloured.
---@return boolean
function sheet.is_coloured()
  return system.is_terminal(1) and not os.getenv "NO_COLOR" and os.getenv "TERM" ~= "dumb"
end

--- A text in a colour, plain where colours are off.
---@param text string
---@param colour? string
---@return string
---@param is_coloured? boolean where that is known
function sheet.paint(text, colour, is_coloured)
  if not colour or text == "" then return text end
  if is_coloured == nil then is_coloured = sheet.is_coloured() end
  if not is_coloured then return text end
  return COLOURS[colour] .. text .. "\27[0m"
end

-- Control characters would move the cursor; a unit's text must not.
local function harmless(text)
  return text:find "%c" and text:gsub("%c", " ") or text
end

-- Text, columns and colour of a cell. Most are plain, and as wide as they are long.
local function measure(value)
  local text, colour = value, nil
  if type(value) == "table" then text, colour = value[1], value[2] end
  if not text or text == "" then return "", 0 end
  text = tostring(text)
  if not text:find "[^ -~]" then return text, #text, colour end
  text = harmless(text)
  return text, width.of(text), colour
end

-- The cells of a row, three places each; `widths` grow with them. `last` is the last that is not empty.
local function lay_out(row, count, widths)
  local cells = { last = 0 }
  for i = 1, count do
    local text, columns, colour = measure(row[i])
    local at = i * 3
    cells[at], cells[at + 1], cells[at + 2] = text, columns, colour or false
    if columns > widths[i] then widths[i] = columns end
    if columns > 0 then cells.last = i end
  end
  return cells
end

local function line_of(cells, widths, columns, is_coloured)
  local line, last = {}, cells.last
  for i = 1, last do
    local at = i * 3
    local text, missing = cells[at], widths[i] - cells[at + 1]
    if is_coloured then text = sheet.paint(text, cells[at + 2] or nil, true) end
    if missing > 0 and columns[i].right then
      text = (" "):rep(missing) .. text
    elseif missing > 0 and i < last then
      text = text .. (" "):rep(missing)
    end
    line[i] = text
  end
  return table.concat(line, GAP)
end

--- The lines of a table: a head, and a row for each of `rows`, whose cells are texts or { text, colour }.
---@param columns { title: string, right?: boolean }[]
---@param rows table[]
---@return string
function sheet.text(columns, rows)
  local all, widths, head = {}, {}, {}
  for i, column in ipairs(columns) do head[i], widths[i] = { column.title, "dim" }, 0 end
  all[1] = lay_out(head, #columns, widths)
  for i, row in ipairs(rows) do all[i + 1] = lay_out(row, #columns, widths) end
  local is_coloured = sheet.is_coloured()
  for i, cells in ipairs(all) do all[i] = line_of(cells, widths, columns, is_coloured) end
  return table.concat(all, "\n") .. "\n"
end

return sheet
