-- SPDX-License-Identifier: Apache-2.0
-- Source text with what is not code taken out: comments, and the insides of strings, become blanks. Lines and
-- columns stay where they are.

local source = {}

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

--- The closing quote of the string that opens at `first`, or the end of its line.
local function string_end(text, first)
  local quote, at = text:sub(first, first), first + 1
  while at <= #text do
    local char = text:sub(at, at)
    if char == quote or char == "\n" then return at end
    at = at + (char == "\\" and 2 or 1)
  end
  return #text
end

local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", at, true)
  return last or #text
end

local function end_of_line(text, at)
  return (text:find("\n", at, true) or #text + 1) - 1
end

--- Where the comment or long string that opens at `at` ends, nil when none does; true when it is a comment.
local openers = {
  lua = function(text, at)
    if text:sub(at, at + 1) == "--" then return long_bracket(text, at + 2) or end_of_line(text, at), true end
    return long_bracket(text, at), false
  end,
  c = function(text, at)
    local two = text:sub(at, at + 1)
    if two == "//" then return end_of_line(text, at), true end
    if two ~= "/*" then return nil end
    local _, last = text:find("*/", at + 2, true)
    return last or #text, true
  end,
}

--- The code of a text.
---@param text string
---@param language "c"|"lua"
---@param keep_strings? boolean leave strings as they are
---@return string
function source.code(text, language, keep_strings)
  local open, out, at = openers[language], {}, 1
  while at <= #text do
    local stop = text:find("[\"'/%-%[]", at)
    if not stop then break end
    out[#out + 1] = text:sub(at, stop - 1)
    local last, is_comment = open(text, stop)
    if not last and text:find("^[\"']", stop) then last = string_end(text, stop) end
    last = last or stop
    local piece = text:sub(stop, last)
    local keep = #piece == 1 or (keep_strings and not is_comment)
    if keep then
      out[#out + 1] = piece
    elseif is_comment then
      out[#out + 1] = blank(piece)
    else
      out[#out + 1] = piece:sub(1, 1) .. blank(piece:sub(2, -2)) .. piece:sub(-1)
    end
    at = last + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

--- "c", "lua" or nil, by the name of the file.
---@param path string
---@return "c"|"lua"|nil
function source.language(path)
  return path:match("%.lua$") and "lua" or path:match("%.[ch]$") and "c" or nil
end

--- Iterates over the lines of a text: number, line, where it starts.
---@param text string
---@return fun(): integer?, string?, integer?
function source.lines(text)
  local number, next_line = 0, (text .. "\n"):gmatch("()([^\n]*)\n")
  return function()
    local start, line = next_line()
    number = number + 1
    if line then return number, line, start end
  end
end

return source
