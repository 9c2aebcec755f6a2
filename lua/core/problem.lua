-- Faults found deep inside a validation: raised where they are seen, and turned into `nil, message, "EINVAL"` at
-- the edge of the module. Only for what happens while a script is loaded, never while units run.

local problem = {}

local Problem = { __name = "luvisor.problem" }

--- Ends the validation with this message.
---@param format string
---@param ... any
function problem.raise(format, ...)
  error(setmetatable({ message = format:format(...) }, Problem), 0)
end

--- Calls check(...); a problem raised inside becomes nil, message, "EINVAL", any other error goes on.
---@param check function
---@param ... any
---@return any result
---@return string? message
---@return string? code
function problem.catch(check, ...)
  local ok, result = pcall(check, ...)
  if ok then return result end
  if getmetatable(result) == Problem then return nil, result.message, "EINVAL" end
  error(result, 0)
end

return problem
