-- Code: functions for tasks, by the name of the module that returns one, or as they go to another runtime of this
-- binary. What is here is made of a function, never of bytes from elsewhere, so a thread may load it as well.

local generations = require "luvisor.edge.load.generation"

local load = debug.getregistry()["luvisor.load"] or load -- as it is before a thread is confined

local code = {}

--- The function that a module returns: it, or nil and a message.
---@param name string
---@return function|nil fn
---@return string? message
function code.of_module(name)
  local generation = generations.current()
  if not generation:has(name) then return nil, ("no module %s beside the script or on package.path"):format(name) end
  local ok, value = pcall(generation.require, generation, name)
  if not ok then return nil, tostring(value) end
  if type(value) == "function" then return value end
  return nil, ("module %s: a task needs a function, and it returns a %s"):format(name, type(value))
end

--- A function as bytes for another runtime, or nil and why it cannot go there.
---@param fn function
---@return string|nil bytes
---@return string? message
function code.pack(fn)
  local index = 1
  while true do
    local name = debug.getupvalue(fn, index)
    if not name then break end
    if name ~= "_ENV" or index > 1 then
      return nil, ("a function that uses %s of where it was made cannot be sent to another runtime;"
        .. " give that as an argument, or name a module that returns the function"):format(name)
    end
    index = index + 1
  end
  local ok, bytes = pcall(string.dump, fn)
  if ok then return bytes end
  return nil, "a function of C's cannot be sent to another runtime"
end

--- The function of such bytes.
---@param bytes string
---@return function|nil fn
---@return string? message
function code.unpack(bytes)
  return load(bytes, "=task", "b", generations.current().globals)
end

return code
