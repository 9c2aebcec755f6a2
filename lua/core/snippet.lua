-- Snippet: what is typed at a prompt, as Lua: an expression whose values are wanted, or statements.

local snippet = {}

local NAME = "=repl"

local function ends_early(message)
  return message:sub(-5) == "<eof>"
end

local function compile(text, environment)
  local expression = text:match "^%s*=(.*)$" or text
  local fn, message = load("return " .. expression, NAME, "t", environment)
  if fn then return fn, true end
  local statement, other = load(text, NAME, "t", environment)
  if statement then return statement, false end
  return nil, ends_early(message) and message or other
end

--- Compiles a text.
---@param text string
---@param environment? table
---@return function|nil
---@return boolean|string|nil is_expression or the message
---@return string? code EINVAL
function snippet.compile(text, environment)
  local fn, second = compile(text, environment)
  if fn then return fn, second end
  return nil, second, "EINVAL"
end

--- Whether the text is the beginning of something longer.
---@param text string
---@return boolean
function snippet.is_incomplete(text)
  local fn, message = compile(text)
  return not fn and ends_early(message)
end

return snippet
