-- Sheet: tables for people: columns that align whatever the texts hold, and colours on a terminal only.

local memo = require "luvisor.core.memo"
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

-- Text and columns of what a cell holds. Most are plain, and as wide as they are long.
local function measure(value)
  local text = tostring(value)
  if not text:find "[^ -~]" then return text, #text end
  text = harmless(text)
  return text, width.of(text)
end

local blanks = memo(function(count) return (" "):rep(count) end)

-- Adds the cells of a row to those of the rows before it; many a cell holds what the one above it does.
local function lay_out(self, row)
  local texts, sizes, colours, widths, base = self.texts, self.sizes, self.colours, self.widths, #self.texts
  for i = 1, #widths do
    local value, at = row[i], base + i
    if type(value) == "table" then value, colours[at] = value[1], value[2] end
    value = value or ""
    local above = at - #widths
    if value == texts[above] then
      texts[at], sizes[at] = value, sizes[above]
    else
      texts[at], sizes[at] = measure(value)
      if sizes[at] > widths[i] then widths[i] = sizes[at] end
    end
  end
end

-- Adds the pieces of a line; nothing comes after its last text.
local function add_line(self, columns, base, pieces)
  local texts, sizes, colours, widths, last = self.texts, self.sizes, self.colours, self.widths, #columns
  while last > 0 and sizes[base + last] == 0 do last = last - 1 end
  local count = #pieces
  for i = 1, last do
    local at = base + i
    local text, missing = texts[at], widths[i] - sizes[at]
    if self.is_coloured then text = sheet.paint(text, colours[at], true) end
    local is_right = columns[i].right
    pieces[count + 1], pieces[count + 2] = is_right and blanks[missing] or text, is_right and text or blanks[missing]
    if i == last and not is_right then pieces[count + 2] = "" end
    pieces[count + 3] = i < last and GAP or "\n"
    count = count + 3
  end
  if last == 0 then pieces[count + 1] = "\n" end
end

--- The lines of a table: a head, and a row for each of `rows`, whose cells are texts or { text, colour }.
---@param columns { title: string, right?: boolean }[]
---@param rows table[]
---@return string
function sheet.text(columns, rows)
  local self = { texts = {}, sizes = {}, colours = {}, widths = {}, is_coloured = sheet.is_coloured() }
  local head, pieces = {}, {}
  for i, column in ipairs(columns) do head[i], self.widths[i] = { column.title, "dim" }, 0 end
  lay_out(self, head)
  for _, row in ipairs(rows) do lay_out(self, row) end
  for row = 0, #rows do add_line(self, columns, row * #columns, pieces) end
  return table.concat(pieces)
end

return sheet
