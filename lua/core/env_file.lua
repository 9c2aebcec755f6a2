-- Env file: the text of a file of NAME=value lines, as systemd's EnvironmentFile= reads it. Blank lines, and lines that
-- begin with "#" or ";", say nothing. A value may be quoted, wholly or in parts: in single quotes everything stands for
-- itself, in double quotes a backslash before \ " ` $ takes away their meaning; both may go over several lines. Without
-- quotes a backslash makes the next character stand for itself, and joins the next line; blanks around the value go.
-- Nothing is expanded. What systemd skips with a warning is an error here, with the line; values are never shown.

local quoted = require "luvisor.core.quoted"

local env_file = {}

-- Up to the end of the line; `solid` is where the blanks at the end begin, unless a backslash keeps them.
local function plain(text, at)
  local parts, length, solid = {}, 0, 0
  while true do
    local run = text:match("^[^\\\n]*", at)
    local inked = run:match "^.*[^ \t]"
    if inked then solid = length + #inked end
    parts[#parts + 1], length, at = run, length + #run, at + #run
    if text:sub(at, at) ~= "\\" then return table.concat(parts):sub(1, solid), at end
    local char = text:sub(at + 1, at + 1)
    if char ~= "\n" and char ~= "" then
      parts[#parts + 1], length = char, length + 1
      solid = length
    end
    at = math.min(at + 2, #text + 1)
  end
end

local QUOTES = { ["'"] = quoted.single, ['"'] = quoted.double }

-- The value that begins at `at`, and where it ends.
local function value_at(text, at)
  local parts = {}
  while true do
    at = text:match("^[ \t]*()", at)
    local within = QUOTES[text:sub(at, at)]
    local part, stop
    if within then
      part, stop = within(text, at + 1)
      if not part then return nil, stop end
    else
      part, stop = plain(text, at)
    end
    parts[#parts + 1], at = part, stop
    if not within then return table.concat(parts), at end
  end
end

-- One assignment: name, value, where it ends; or nil and what is wrong.
local function assignment(text, at)
  local name, from = text:match("^([^=\n]-)[ \t]*=()", at)
  if not name then return nil, "expected NAME=value" end
  if not name:find "^[%a_][%w_]*$" then
    return nil, "not the name of a variable before the \"=\" (letters, digits and _, no export)"
  end
  local value, stop = value_at(text, from)
  if not value then return nil, stop end
  if value:find("\0", 1, true) then return nil, "a NUL in the value" end
  return name, value, stop
end

local function newlines(text)
  return select(2, text:gsub("\n", ""))
end

--- The variables of a file; the last of a name wins.
---@param text string
---@return table<string, string>|nil variables
---@return string? message
---@return integer? line
function env_file.parse(text)
  local variables, line, at = {}, 1, 1
  text = text:gsub("\r\n", "\n")
  while true do
    local start = text:match("^[ \t\n]*()", at)
    line, at = line + newlines(text:sub(at, start - 1)), start
    if at > #text then return variables end
    local stop
    if text:find("^[#;]", at) then
      stop = text:match("^[^\n]*()", at)
    else
      local name, value
      name, value, stop = assignment(text, at)
      if not name then return nil, value, line end
      variables[name] = value
    end
    line, at = line + newlines(text:sub(at, stop - 1)), stop
  end
end

return env_file
