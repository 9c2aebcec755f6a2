-- SPDX-License-Identifier: Apache-2.0
-- Trees for the specs of the executors: workers of a few kinds, a script around them that says on stdout what it hears,
-- and an executor "shell" of the script's own, which runs workers at the other end of a pipe.

local host = require "host"
local modules = require "executor_modules"

local executors = {}

local HEAD = [[
local luvisor = require "luvisor"
local uv = require "luv"
luvisor.executor("shell", {
  start = function(unit)
    local to, from, process = uv.new_pipe(false), uv.new_pipe(false), nil
    process = assert(uv.spawn("sh", {
      args = { "-c", "exec " .. uv.exepath() .. " guest 0 1" }, stdio = { to, from, 2 }, detached = true,
    }, function(code, signal)
      process:close()
      unit:ended(signal ~= 0 and { kind = "signal", signal = signal } or { kind = "exit", code = code })
    end))
    unit:connect(from, to)
    return process
  end,
  kill = function(_, process) if not process:is_closing() then process:kill "sigkill" end end,
  alive = function(_, process) return process:is_active() end,
})
luvisor.on("exit", function(event)
  io.stdout:write(("exit %s: %s (%s)\n"):format(event.unit, tostring(event.exit), event.exit.kind))
  io.stdout:flush()
end)
luvisor.on("transition", function(event)
  io.stdout:write(("event %s %s -> %s\n"):format(event.unit, event.from, event.to))
  io.stdout:flush()
end)
]]

local directory

--- A directory with the modules, for before_each.
---@param own? table<string, string> modules to be there instead
function executors.set_up(own)
  directory = host.directory()
  for name, text in pairs(own or modules) do host.write(directory .. "/" .. name .. ".lua", text) end
end

--- For after_each.
executors.clean_up = host.clean_up

--- The name of the host that start runs.
function executors.name()
  return "executors-" .. directory:match "[^/]*$"
end

--- Writes the script, which goes on with this text.
---@param body string
function executors.write(body)
  host.write(directory .. "/tree.lua", HEAD .. body)
end

--- Writes a module beside the script.
---@param name string
---@param text string
function executors.write_module(name, text)
  host.write(directory .. "/" .. name .. ".lua", text)
end

--- Where they are.
function executors.directory()
  return directory
end

--- Runs a script that goes on with this text.
---@param body string
---@return Process
function executors.start(body)
  executors.write(body)
  return host.spawn({ "run", "--name", executors.name(), "tree.lua" }, nil, { cwd = directory })
end

--- The text of a worker.
---@param executor string
---@param keys string
function executors.worker(executor, keys)
  return ('luvisor.worker { executor = %q, %s }'):format(executor, keys)
end

--- The text of a root with these children.
---@param children string
---@param keys? string
function executors.tree(children, keys)
  return ('return luvisor.supervisor { name = "root", %s children = { %s } }'):format(keys and keys .. "," or "",
    children)
end

return executors
