-- Splits a command line into words as a POSIX shell would, and does nothing else that a shell does: quotes and
-- backslashes are obeyed, nothing is expanded, and operators such as | are ordinary characters.

local quoted = require "luvisor.core.quoted"

local words = {}

local function escaped(text, at)
  local char = text:sub(at, at)
  if char == "" then return nil, "backslash at the end" end
  return char == "\n" and "" or char, at + 1
end

local OPENERS = { ["'"] = quoted.single, ['"'] = quoted.double, ["\\"] = escaped }

-- The word that begins at `at`, and where it ends.
local function word(text, at)
  local parts = {}
  while at <= #text do
    local char = text:sub(at, at)
    if char:find("[ \t\n]") then break end
    local part, stop
    if OPENERS[char] then
      part, stop = OPENERS[char](text, at + 1)
      if not part then return nil, stop end
    else
      part = text:match("^[^ \t\n'\"\\]+", at)
      stop = at + #part
    end
    parts[#parts + 1], at = part, stop
  end
  return table.concat(parts), at
end

--- The words of a command line; nil and a message when a quote is left open.
---@param text string
---@return string[]|nil list
---@return string? message
---@return string? code
function words.split(text)
  local list, at = {}, text:find("[^ \t\n]")
  while at do
    if text:find("^\\\n", at) then
      at = at + 2
    else
      local found, stop = word(text, at)
      if not found then return nil, stop, "EINVAL" end
      list[#list + 1], at = found, stop
    end
    at = text:find("[^ \t\n]", at)
  end
  return list
end

-- Words that mean something to a shell and, as arguments, hardly ever to a program.
local OPERATORS = {
  ["|"] = true, ["||"] = true, ["&&"] = true, ["&"] = true, [";"] = true, [">"] = true, [">>"] = true, ["<"] = true,
  ["2>"] = true, ["2>>"] = true, ["2>&1"] = true, ["&>"] = true, ["|&"] = true,
}

--- An operator of a shell that stands in a command line as a word of its own, unquoted; or nil.
---@param text string
---@return string|nil
function words.operator(text)
  local bare = text:gsub("\\.", "_"):gsub("'[^']*'", "_"):gsub('"[^"]*"', "_")
  for one in bare:gmatch "%S+" do
    if OPERATORS[one] then return one end
  end
end

return words
