-- Dynamic: changes to a supervisor's children at run time, with OTP's results (semantics 2.6). Every call takes a
-- `reply`, called once with a value or nil, message, CODE; at once where nothing has to end or start first.

local chronicle = require "luvisor.machine.chronicle"
local branch = require "luvisor.machine.branch"
local exit = require "luvisor.core.exit"
local unit = require "luvisor.machine.unit"

local dynamic = {}

local function refuse(reply, code, message, ...)
  reply(nil, message:format(...), code)
end

local function is_pool(self)
  return self.spec.strategy == "simple_one_for_one"
end

-- name or unit -> the child; pools know their children as units only
local function find(self, which, reply)
  if is_pool(self) and type(which) ~= "table" then
    return refuse(reply, "SIMPLE_ONE_FOR_ONE", "%s is a pool: name the child by its handle", self:path())
  end
  local name = type(which) == "table" and which.name or which
  local child = self.children and self.children:find(name)
  if child and (type(which) ~= "table" or which == child) then return child end
  refuse(reply, "NOT_FOUND", "%s has no child %s", self:path(), tostring(name))
end

-- ---- start_child

local function forget_failed(self, child, why, reply)
  if not child.spec.backoff and not exit.is_normal(why) then
    dynamic.forget(self, child)
    child.phase = "stopped"
  end
  if exit.is_normal(why) then return reply(child) end
  refuse(reply, "START_FAILED", "%s failed to start: %s", child:path(), tostring(why))
end

local function answer_start(self, child, reply)
  unit.wait(child, function(what, why)
    if what == "ended" then return forget_failed(self, child, why, reply) end
    if what == "stopped" then return refuse(reply, "STOPPED", "%s was stopped", child:path()) end
    reply(child)
  end)
end

local function start_in_pool(self, extra, reply)
  local spec = self.spec
  if spec.max_children and self.children.count >= spec.max_children then
    return refuse(reply, "MAX_CHILDREN", "%s has %d children already", self:path(), spec.max_children)
  end
  if extra ~= nil and type(extra) ~= "table" then
    return refuse(reply, "EINVAL", "expected the arguments of the child as a table, got %s", type(extra))
  end
  self.next_name = (self.next_name or 0) + 1
  local child = self:add_child(spec.template, self.next_name)
  if extra then child.extra, child.special = extra, true end
  if reply ~= dynamic.ignore then
    child.dynamic, child.special = true, true
    answer_start(self, child, reply)
  end
  self:start_child(child)
end

--- For a start whose outcome nobody waits for.
function dynamic.ignore() end

--- Adds a child and starts it: a resolved spec, or the extra arguments of a pool's child. Replies with the unit once
--- it is ready (or ended well), and keeps nothing of a child whose start failed.
function dynamic.start_child(self, what, reply)
  if not self.children or not self.up then return refuse(reply, "NOT_RUNNING", "%s is not running", self:path()) end
  if is_pool(self) then return start_in_pool(self, what, reply) end
  local present = self.children:find(what.name)
  if present and unit.is_alive(present) then
    return refuse(reply, "ALREADY_STARTED", "%s has been started already", present:path())
  elseif present then
    return refuse(reply, "ALREADY_PRESENT", "%s has a child %s already", self:path(), what.name)
  end
  local child = self:add_child(what)
  child.dynamic, child.special = true, true
  answer_start(self, child, reply)
  self:start_child(child)
end

-- ---- terminate, restart, delete

local function after_stop(self, child, reply)
  if self.up then self:note_progress(child) end
  local gone = child.spec.restart_name == "temporary" and not child.comes_back
  if gone or is_pool(self) then self.children:remove(child) end
  child.comes_back = nil
  reply(true)
end

-- A child that is stopped by hand does not start with its group; and a group that was only waiting for this child's
-- delay to be over waits no longer.
local function leave_group(self, child)
  local group = self.regroup
  if not group then return end
  for i, one in ipairs(group.start) do
    if one == child then
      table.remove(group.start, i)
      break
    end
  end
  if group.child == child and child.phase == "backoff" then self:child_due(child) end
end

--- Takes a child that is down out of the roster: the group that it may have got into meanwhile starts without it.
function dynamic.forget(self, child)
  leave_group(self, child)
  self.children:remove(child)
end

--- Stops a child; its spec stays, unless it is temporary and is not being restarted (`comes_back`), or of a pool. Also
--- ends retries.
---@param cause? string who asks
function dynamic.terminate_child(self, which, reply, cause)
  if is_pool(self) and type(which) == "table" and which.parent == self and not self.children:find(which.name) then
    return reply(true) -- dead already
  end
  local child = find(self, which, reply)
  if not child then return end
  if child.changing then child.changing.halted[child] = true end
  leave_group(self, child)
  if unit.ask_to_stop(child, cause) then
    if child.phase ~= "stopped" then chronicle.note(child, "asked", cause) end
    unit.put(child, "stopped")
    return after_stop(self, child, reply)
  end
  unit.wait(child, function() after_stop(self, child, reply) end)
end

local PID = { backoff = "restarting", restarting = "restarting" } -- as which_children says it
local RESTARTING = { backoff = true, restarting = true, waiting = true }

local function check_down(child, reply)
  if unit.is_alive(child) then
    refuse(reply, "RUNNING", "%s is running", child:path())
  elseif RESTARTING[child.phase] then
    refuse(reply, "RESTARTING", "%s is about to be started", child:path())
  else
    return true
  end
end

--- Calls off the restart for which a child waits, where it does.
---@param child table a unit
---@param cause string who asks
function dynamic.call_off(self, child, cause)
  if PID[child.phase] then dynamic.terminate_child(self, child, dynamic.ignore, cause) end
end

--- Starts a child that is down; its counters begin anew. Somebody who asks with a cause does not wait for its delay.
function dynamic.restart_child(self, which, reply, cause)
  if is_pool(self) then return refuse(reply, "SIMPLE_ONE_FOR_ONE", "%s is a pool", self:path()) end
  local child = find(self, which, reply)
  if not child then return end
  if cause then dynamic.call_off(self, child, cause) end
  if not check_down(child, reply) then return end
  if not self.up then return refuse(reply, "NOT_RUNNING", "%s is not running", self:path()) end
  if child.changing then child.changing.halted[child] = nil end
  unit.reset(child)
  child.dynamic, child.special = true, true
  unit.wait(child, function(what, why)
    if what == "stopped" then return refuse(reply, "STOPPED", "%s was stopped", child:path()) end
    if what == "ended" and not exit.is_normal(why) then
      return refuse(reply, "START_FAILED", "%s failed to start: %s", child:path(), tostring(why))
    end
    reply(child)
  end)
  self:start_child(child)
end

--- Removes the spec of a child that is down.
function dynamic.delete_child(self, which, reply)
  if is_pool(self) then return refuse(reply, "SIMPLE_ONE_FOR_ONE", "%s is a pool", self:path()) end
  local child = find(self, which, reply)
  if not child or not check_down(child, reply) then return end
  dynamic.forget(self, child)
  reply(true)
end

-- ---- elsewhere

-- What is asked of a supervisor in another runtime travels as plain values.
for _, name in ipairs { "start_child", "terminate_child", "restart_child", "delete_child" } do
  local here = dynamic[name]
  dynamic[name] = function(self, what, reply, cause)
    if not self.forward then return here(self, what, reply, cause) end
    if type(what) == "table" and what.env then
      local child = what
      what, child.comes_back = { path = child:path(), comes_back = child.comes_back }, nil
    end
    self:forward(self, name, what, reply, cause)
  end
end

-- ---- looking

--- The children in start order: { name, unit, state, kind, restart }.
---@return table[]
function dynamic.which_children(self)
  local list = {}
  for i, child in ipairs(branch.children(self)) do
    list[i] = {
      name = child.name, unit = child, kind = child.spec.kind, phase = child.phase,
      state = PID[child.phase] or (unit.is_alive(child) and "alive") or "down",
    }
  end
  return list
end

--- Numbers of specs, of those alive, and of supervisors, workers and programs, alive or not.
---@return { specs: integer, active: integer, supervisors: integer, workers: integer, programs: integer }
function dynamic.count_children(self)
  local counts = { specs = 0, active = 0, supervisors = 0, workers = 0, programs = 0 }
  for _, child in ipairs(branch.children(self)) do
    counts.specs = counts.specs + 1
    counts.active = counts.active + (unit.is_alive(child) and 1 or 0)
    local kind = child.spec.kind .. "s"
    counts[kind] = counts[kind] + 1
  end
  return counts
end

return dynamic
