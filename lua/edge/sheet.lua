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
  return text:find "[%c\127]" and text:gsub("[%c\127]", " ") or text
end

local EMPTY = { text = "", columns = 0 }

local function cell_of(value)
  local text, colour = value, nil
  if type(value) == "table" then text, colour = value[1], value[2] end
  if not text or text == "" then return EMPTY end
  text = harmless(tostring(text))
  return { text = text, colour = colour, columns = width.of(text) }
end

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, cell.columns) end
  end
  return widths
end

local function line_of(row, widths, columns, is_coloured)
  local cells = {}
  for i, cell in ipairs(row) do
    local text = cell.text
    local is_right = columns[i].right
    local blanks = (" "):rep(widths[i] - cell.columns)
    local painted = is_coloured and sheet.paint(text, cell.colour, is_coloured) or text
    cells[i] = is_right and blanks .. painted or i == #row and painted or painted .. blanks
  end
  return table.concat(cells, GAP):match "^.*%S" or ""
end

--- The lines of a table: a head, and a row for each of `rows`, whose cells are texts or { text, colour }.
---@param columns { title: string, right?: boolean }[]
---@param rows table[]
---@return string
function sheet.text(columns, rows)
  local all, head = {}, {}
  for i, column in ipairs(columns) do head[i] = cell_of { column.title, "dim" } end
  all[1] = head
  for _, row in ipairs(rows) do
    local cells = {}
    for i = 1, #columns do cells[i] = cell_of(row[i]) end
    all[#all + 1] = cells
  end
  local widths, lines, is_coloured = widths_of(all), {}, sheet.is_coloured()
  for i, row in ipairs(all) do lines[i] = line_of(row, widths, columns, is_coloured) end
  return table.concat(lines, "\n") .. "\n"
end

return sheet
