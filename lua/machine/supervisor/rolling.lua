-- Rolling: restarts by hand, of one unit, or of the instances of a counted program one after the other: each is
-- stopped, started, and ready before the next is touched; the first that fails ends it, and the rest goes on as it was.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local unit = require "luvisor.machine.unit"

local rolling = {}

local PENDING = { backoff = true, restarting = true, waiting = true }
local LEFT_ALONE = { stopped = true, idle = true, done = true }

local function refuse(reply, code, message, ...)
  reply(nil, message:format(...), code)
end

-- What is kept of a child that was stopped.
local function check_kept(child, reply)
  local parent = child.parent
  if not parent.spec then return refuse(reply, "UNSUPPORTED", "%s is the root", child:path()) end
  if not parent.up then return refuse(reply, "NOT_RUNNING", "%s is not running", parent:path()) end
  if parent.spec.strategy == "simple_one_for_one" or child.spec.restart_name == "temporary" then
    return refuse(reply, "UNSUPPORTED", "%s: nothing of it is kept when it is stopped", child:path())
  end
  return true
end

--- Stops a unit, if it is up, and starts it; replies with it once it is ready (or ended well), or nil, message, CODE.
---@param child table
---@param reply fun(child: table|nil, message: string|nil, code: string|nil)
---@param cause? string who asks
function rolling.restart(child, reply, cause)
  if not check_kept(child, reply) then return end
  local parent = child.parent
  local function start() dynamic.restart_child(parent, child, reply) end
  if not unit.is_alive(child) and not PENDING[child.phase] then return start() end
  dynamic.terminate_child(parent, child, function(ok, message, code)
    if ok then start() else reply(nil, message, code) end
  end, cause)
end

local function instances_of(supervisor, name)
  local count, list = supervisor.spec.counted and supervisor.spec.counted[name], {}
  for index = 0, (count or 0) - 1 do
    list[#list + 1] = supervisor.children:find(("%s:%d"):format(name, index))
  end
  if not count then list[1] = supervisor.children:find(name) end
  return list
end

local function advance(self)
  self.at = self.at + 1
  local child = self.units[self.at]
  if not child then
    self.supervisor.rolling[self.name] = nil
    return self.reply(self.restarted)
  end
  if LEFT_ALONE[child.phase] then return advance(self) end
  rolling.restart(child, function(done, message, code)
    if done then
      self.restarted = self.restarted + 1
      if self.tell then self.tell(self.at, #self.units, child:path()) end
      return self.env.post(advance, self)
    end
    self.supervisor.rolling[self.name] = nil
    local text = ("%s; %d of %d restarted, the rest is left as it was")
      :format(message, self.restarted, #self.units)
    self.env.log("error", self.supervisor, "rolling restart of %s: %s", self.name, text)
    self.reply(nil, text, code)
  end, self.cause)
end

--- Restarts the instances of a counted program (or one child) in turn; those that are stopped stay so. Replies with how
--- many were restarted, or nil, message, CODE.
---@param supervisor table
---@param name string the name that was declared
---@param reply fun(count: integer|nil, message: string|nil, code: string|nil)
---@param cause? string who asks
---@param tell? fun(done: integer, total: integer, path: string) of each that was restarted
function rolling.run(supervisor, name, reply, cause, tell)
  if not supervisor.up then return refuse(reply, "NOT_RUNNING", "%s is not running", supervisor:path()) end
  local units = instances_of(supervisor, name)
  if not units[1] then
    return refuse(reply, "NOT_FOUND", "%s has no child %s", supervisor:path(), tostring(name))
  end
  supervisor.rolling = supervisor.rolling or {}
  if supervisor.rolling[name] then return refuse(reply, "BUSY", "%s is being restarted already", name) end
  supervisor.rolling[name] = true
  advance { supervisor = supervisor, env = supervisor.env, name = name, units = units, at = 0, restarted = 0,
    reply = reply, cause = cause, tell = tell }
end

return rolling
