-- Env: what the machines get injected when they run for real: clock, scheduler, programs, log and events.

local runtime = require "host.runtime"
local task = require "host.task"

local env = {}

local Env = {}

-- Most of it is made when it is needed: a guest with a single worker needs little.
function Env.__index(self, name)
  local make = require(rawget(self, "parts"))[name]
  if not make then return nil end
  local part = make(self)
  self[name] = part
  return part
end

---@param options { write: function, enabled: table<string, boolean>, sockets?: table, parts?: string } of the log;
---  edge.sockets; the module with what it is made of
---@return table env
function env.new(options)
  return setmetatable({
    now = runtime.now, after = runtime.after, deadline = runtime.deadline, cancel = runtime.cancel,
    post = runtime.post, random = math.random, task = task, sockets = options.sockets,
    log = options.write, logs = options.enabled, watched = {}, subscribers = {}, noted = false,
    parts = options.parts or "luvisor.edge.env.parts",
  }, Env)
end

return env
