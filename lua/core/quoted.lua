-- Quoted: text in quotes as a POSIX shell reads it: in single quotes everything stands for itself, in double quotes a
-- backslash takes away the meaning of some characters. Each takes where the text within the quotes begins, and gives
-- that text and what comes after it; nil and a message when the quotes are left open.

local quoted = {}

--- Up to the closing single quote.
---@param text string
---@param at integer
---@return string|nil within
---@return integer|string stop
function quoted.single(text, at)
  local stop = text:find("'", at, true)
  if not stop then return nil, "unbalanced single quote" end
  return text:sub(at, stop - 1), stop + 1
end

-- Within double quotes a backslash quotes only these; a quoted newline vanishes.
local QUOTABLE = { ["$"] = "$", ["`"] = "`", ['"'] = '"', ["\\"] = "\\", ["\n"] = "" }

--- Up to the closing double quote.
---@param text string
---@param at integer
---@return string|nil within
---@return integer|string stop
function quoted.double(text, at)
  local parts = {}
  while true do
    local stop = text:find('["\\]', at)
    if not stop then return nil, "unbalanced double quote" end
    parts[#parts + 1] = text:sub(at, stop - 1)
    if text:sub(stop, stop) == '"' then return table.concat(parts), stop + 1 end
    local char = text:sub(stop + 1, stop + 1)
    parts[#parts + 1] = QUOTABLE[char] or "\\" .. char
    at = stop + 2
  end
end

return quoted
