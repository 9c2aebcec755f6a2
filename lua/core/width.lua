-- Width: how many columns of a terminal a text takes, by the East Asian Width of its characters (UAX 11): most take
-- one, ideographs and emoji two, combining marks none. Colour sequences take none either.

local width = {}

-- First and last code points of the ranges that are not one column wide: these are what libc's wcwidth knows, joined
-- where only unassigned characters lie between.
local ZERO = {
  { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x0610, 0x061A }, { 0x064B, 0x065F },
  { 0x06D6, 0x06DC }, { 0x0730, 0x074A }, { 0x0900, 0x0902 }, { 0x093C, 0x093C }, { 0x0941, 0x0948 },
  { 0x0E31, 0x0E31 }, { 0x0E34, 0x0E3A }, { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF },
  { 0x200B, 0x200F }, { 0x202A, 0x202E }, { 0x2060, 0x2064 }, { 0x20D0, 0x20F0 }, { 0x302A, 0x302D },
  { 0x3099, 0x309A }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xFEFF, 0xFEFF }, { 0xE0100, 0xE01EF },
}
local TWO = {
  { 0x1100, 0x115F }, { 0x231A, 0x231B }, { 0x2329, 0x232A }, { 0x23E9, 0x23EC }, { 0x25FD, 0x25FE },
  { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x26AA, 0x26AB }, { 0x26BD, 0x26BE }, { 0x26C4, 0x26C5 },
  { 0x2705, 0x2705 }, { 0x270A, 0x270B }, { 0x2728, 0x2728 }, { 0x274C, 0x274C }, { 0x2753, 0x2755 },
  { 0x2795, 0x2797 }, { 0x2B1B, 0x2B1C }, { 0x2B50, 0x2B50 }, { 0x2E80, 0x303E }, { 0x3041, 0x33FF },
  { 0x3400, 0x4DBF }, { 0x4E00, 0x9FFF }, { 0xA000, 0xA4CF }, { 0xA960, 0xA97F }, { 0xAC00, 0xD7A3 },
  { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1F64F },
  { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF }, { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}

local function is_in(ranges, code)
  local low, high = 1, #ranges
  while low <= high do
    local middle = (low + high) // 2
    local range = ranges[middle]
    if code < range[1] then high = middle - 1 elseif code > range[2] then low = middle + 1 else return true end
  end
  return false
end

--- Columns of one character.
---@param code integer
---@return integer
function width.of_code(code)
  if code < 0x300 then return (code < 32 or code >= 127 and code < 160) and 0 or 1 end
  return is_in(ZERO, code) and 0 or is_in(TWO, code) and 2 or 1
end

--- Columns of a text; a byte that is no UTF-8 counts as one.
---@param text string
---@return integer
function width.of(text)
  if not text:find "[\127-\255\27]" then return #text end
  text = text:gsub("\27%[[%d;?]*%a", "")
  local columns, at = 0, 1
  while at <= #text do
    local stop = utf8.len(text, at, at) and utf8.offset(text, 2, at) or at + 1
    columns = columns + (utf8.len(text, at, at) and width.of_code(utf8.codepoint(text, at)) or 1)
    at = stop
  end
  return columns
end

--- The text with blanks up to that many columns; what is longer stays as it is.
---@param text string
---@param columns integer
---@return string
function width.pad(text, columns)
  return text .. (" "):rep(columns - width.of(text))
end

--- The text cut to that many columns, with an ellipsis in place of what is gone.
---@param text string
---@param columns integer
---@return string
function width.cut(text, columns)
  if width.of(text) <= columns then return text end
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  local kept, used = {}, 0
  for _, code in utf8.codes(text) do
    used = used + width.of_code(code)
    if used > columns - 1 then break end
    kept[#kept + 1] = utf8.char(code)
  end
  return table.concat(kept) .. (columns > 0 and "\u{2026}" or "")
end

return width
