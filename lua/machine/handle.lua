-- Handle: a unit as scripts and workers see it. The same unit always has the same handle, so handles compare and
-- serve as table keys, and they stay good over restarts, its supervisor's too. Inside a worker the calls that start or
-- stop something wait for the outcome without holding up anybody; elsewhere they return at once.

local lazy = require "luvisor.core.lazy"
local branch = lazy "luvisor.machine.branch"
local dynamic = lazy "luvisor.machine.supervisor.dynamic"
local inspection = require "luvisor.machine.worker.inspection"
local plain = lazy "luvisor.core.spec.plain"
local rolling = lazy "luvisor.machine.supervisor.rolling"
local spec = lazy "luvisor.core.spec"
local timetable = lazy "luvisor.machine.timetable"
local unit = require "luvisor.machine.unit"

local PATIENCE = 60 -- seconds to wait for an outcome, if the caller does not say
local FOREVER = 1e9 -- seconds, where each part has a limit of its own

local Handle = { __name = "luvisor.unit" }
Handle.__index = Handle

local handle = {}

local units = setmetatable({}, { __mode = "k" })   -- handle -> unit, out of reach of scripts
local by_path = setmetatable({}, { __mode = "v" }) -- path -> handle, but for the nameless children of pools

local function is_of_pool(self)
  return math.type(self.name) == "integer"
end

local function new_handle(self)
  local made = setmetatable({ path = self:path() }, Handle)
  units[made] = self
  return made
end

--- The handle of a unit.
---@param self table
function handle.of(self)
  if is_of_pool(self) then
    self.handle = self.handle or new_handle(self)
    return self.handle
  end
  local path = self:path()
  by_path[path] = by_path[path] or new_handle(self)
  units[by_path[path]] = self
  return by_path[path]
end

-- A supervisor that starts again has new children of the same names: the handle is for the one that is there now.
local function unit_of(value)
  local known = units[value]
  if not known or is_of_pool(known) then return known end -- also: the handle of what is in no tree of this runtime
  local present = known.env.tree:find(value.path)
  if present and present ~= known then units[value] = present end
  return present or known
end

--- Whether the value is a handle.
function handle.is(value)
  return getmetatable(value) == Handle
end

--- The unit of the handle of a pool's child; nil for any other, which is known by its path.
function handle.pooled(value)
  local known = units[value]
  return known and is_of_pool(known) and known or nil
end

--- The handle of a path, which need not lead to a unit of this runtime.
function handle.at(env, path)
  local found = env.tree and env.tree:find(path)
  if found then return handle.of(found) end
  by_path[path] = by_path[path] or setmetatable({ path = path }, Handle)
  return by_path[path]
end

--- Lets a codec send handles.
function handle.teach(codec, env)
  local function unpack(path)
    return type(path) == "string" and handle.at(env, path) or nil
  end
  codec.define(1, Handle, function(self) return self.path end, unpack, true)
end

--- The unit of a handle; nil for anything else.
function handle.unit(value)
  return type(value) == "table" and unit_of(value) or nil
end

function Handle:__tostring()
  return "unit " .. self.path
end

local function outward(value, ...)
  if type(value) == "table" and value.spec and value.env then return handle.of(value) end
  return value, ...
end

-- posted, so that the supervisor never acts on the coroutine of a worker
local function request(self, call, what, timeout, cause)
  local env = self.env
  local id, number = env.task.current()
  local function run(one, of, reply) call(one, of, reply, cause) end
  if id then
    env.post(run, self, what, function(...) env.task.wake(id, number, outward(...)) end)
    return env.task.park(timeout or PATIENCE)
  end
  local reply
  env.post(run, self, what, function(...) reply = reply or table.pack(outward(...)) end)
  return true
end

-- In a guest there are handles of units of other runtimes as well, to be named.
local function present(self, name, level)
  return unit_of(self) or error(("%s: %s is not a unit of this runtime"):format(name, tostring(self)), level or 3)
end

local function supervisor_of(self, name)
  local found = present(self, name, 4)
  if found.spec.kind ~= "supervisor" then error(("%s: %s is not a supervisor"):format(name, found:path()), 3) end
  return found
end

-- `call`, or the same in the runtime where the unit is.
local function there(self, name, call)
  if not self.forward then return call end
  return function(one, what, reply, cause) one:forward(one, name, what, reply, cause) end
end

local STOP, RESTART = "stop by a script", "restart by a script" -- or by somebody at the REPL

for _, name in ipairs { "start_child", "terminate_child", "restart_child", "delete_child" } do
  --- handle:start_child(what [, timeout]) and its like: value, or nil, message, CODE.
  Handle[name] = function(self, what, timeout)
    local supervisor = supervisor_of(self, name)
    if name == "start_child" and supervisor.forward and spec.is(what) then
      local described, message, code = plain.of(what, true)
      if not described then return nil, message, code end
      what = described
    elseif name == "start_child" and supervisor.spec.strategy ~= "simple_one_for_one" then
      local adopted, message, code = supervisor.env.adopt(what, supervisor)
      if not adopted then return nil, message, code end
      what = adopted
    end
    local cause = name == "terminate_child" and STOP or nil -- with one a restart would not wait for the delay
    return request(supervisor, dynamic[name], handle.unit(what) or what, timeout, cause)
  end
end

--- Stops the unit, if it is up, and starts it: itself once it is ready, or nil, message, CODE.
function Handle:restart(timeout)
  local found = present(self, "restart")
  local function here(one, _, reply, cause) rolling.restart(one, reply, cause) end
  local is_kept_there = found.home ~= nil -- not what has the runtime: that is started from here
  return request(found, is_kept_there and there(found, "restart", here) or here, nil, timeout, RESTART)
end

--- Has a program read its configuration again (its key `reload`): true, or nil, message, CODE.
function Handle:reload(timeout)
  local found = present(self, "reload")
  if found.spec.kind ~= "program" then return nil, found:path() .. " is not a program", "UNSUPPORTED" end
  return request(found, there(found, "reload", function(one, _, reply) one:reload(reply) end), nil, timeout)
end

--- Restarts the instances of a counted program one after the other, each when the one before is ready: how many, or
--- nil, message, CODE when one failed, and the rest was left as it was.
function Handle:rolling_restart(name, timeout)
  local supervisor = supervisor_of(self, "rolling_restart")
  return request(supervisor, there(supervisor, "rolling_restart", rolling.run), name, timeout or FOREVER, RESTART)
end

--- The children in start order: { { name =, unit =, kind =, phase =, state = }, ... }.
function Handle:which_children()
  local list = dynamic.which_children(supervisor_of(self, "which_children"))
  for _, entry in ipairs(list) do entry.unit = handle.of(entry.unit) end
  return list
end

--- { specs =, active =, supervisors =, workers =, programs = }
function Handle:count_children()
  return dynamic.count_children(supervisor_of(self, "count_children"))
end

--- The child of a name, or nil, message, CODE.
function Handle:child(name)
  local supervisor = supervisor_of(self, "child")
  local child = supervisor.children and supervisor.children:find(name)
  if child then return handle.of(child) end
  return nil, ("%s has no child %s"):format(supervisor:path(), tostring(name)), "NOT_FOUND"
end

--- What is known of the unit now: path, kind, phase, state, generation, restarts, pid (of a program that runs),
--- status (what it says of itself), exit (the last one), next_start (seconds since the epoch, of one with a schedule).
---@return table
function Handle:info()
  local self_unit = present(self, "info")
  local state, pid, status = self_unit:describe()
  return {
    path = self.path, kind = self_unit.spec.kind, phase = self_unit.phase, state = state, pid = pid,
    status = status, next_start = timetable.next_at(self_unit),
    generation = self_unit.generation, restarts = self_unit.restarts or 0, exit = self_unit.last_exit,
  }
end

local function worker_of(self, name)
  local found = unit_of(self)
  if not found or found.spec.kind ~= "worker" or not found.deliver then
    error(("%s: %s is not a worker of this runtime"):format(name, self.path), 3)
  end
  return found
end

for _, name in ipairs(inspection.names) do
  --- handle:suspend() and its like, see inspection.lua; of a worker in another runtime they wait for its answer.
  Handle[name] = function(self, what)
    local found = worker_of(self, name)
    if not found.forward then return inspection[name](found, what) end
    if name == "replace_state" then
      if type(what) ~= "function" then error("replace_state: expected a function, got " .. type(what), 2) end
      local code, message = found.env.code.pack(what)
      if not code then return nil, message, "EINVAL" end
      what = { code = code }
    end
    return request(found, there(found, name), what)
  end
end

-- FNV-1a
local function hash(text)
  local value = 0x811c9dc5
  for i = 1, #text do value = ((value ~ text:byte(i)) * 0x01000193) & 0xffffffff end
  return value
end

--- The child that a key belongs to, the same for the same key as long as there are as many children.
---@param key integer|string
function Handle:partition(key)
  local supervisor = supervisor_of(self, "partition")
  local all = branch.children(supervisor)
  if #all == 0 then return nil, self.path .. " has no children", "NOT_FOUND" end
  local number = math.type(key) == "integer" and math.abs(key) or hash(tostring(key))
  return handle.of(all[number % #all + 1])
end

--- Whether something of the unit runs.
function Handle:is_alive()
  return unit.is_alive(present(self, "is_alive"))
end

--- The supervisor that the unit belongs to; nil for the root.
function Handle:supervisor()
  local parent = present(self, "supervisor").parent
  return parent.spec and handle.of(parent) or nil
end

return handle
