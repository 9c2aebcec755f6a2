-- Command: a start, stop or restart that somebody asked for, and what came of it. It says what state the unit has come
-- to, and why, only when it is there: started means ready, or ended well; FATAL is a failure with its reason; what is
-- on its way when the time is over is said to be so.

local chronicle = require "luvisor.machine.chronicle"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local exit = require "luvisor.core.exit"
local inspect = require "luvisor.machine.inspect"
local unit = require "luvisor.machine.unit"

local command = {}

local LOOK_AGAIN = 0.25 -- seconds; for what nobody tells: a supervisor that gives up takes its children with it

---@class luvisor.Command
---@field path string
---@field cause string    "stop by uid 1000"
---@field force? boolean
---@field reply fun(outcome: table) called once

-- ---- the outcome

local function finish(self, ok, message, code)
  if self.done then return end
  self.done = true
  self.env.cancel(self.timer)
  local target = self.tree:find(self.path) or self.target
  local state = inspect.state(target)
  self.reply {
    path = self.path, ok = ok, state = self.gone and "STOPPED" or state, why = inspect.why(target), message = message,
    code = code, last_words = not ok and target.phase ~= "waiting" and inspect.last_words(target) or nil,
  }
end

local function watch(self, look)
  self.look = look
  look(self)
end

local function look_again(self)
  self.timer = nil
  if self.done then return end
  local present = self.tree:find(self.path)
  if present then self.target = present end
  self.look(self)
end

-- Told by the unit, or after a while.
local function wait(self)
  if self.done then return end
  if self.listening ~= self.target then
    self.listening = self.target
    unit.wait(self.target, function()
      self.listening = nil
      self.env.post(look_again, self)
    end)
  end
  self.env.cancel(self.timer)
  self.timer = self.env.after(LOOK_AGAIN, look_again, self)
end

-- ---- start

local settled = {}

function settled.running(self) finish(self, true) end

function settled.done(self)
  local why = self.target.last_exit
  if why and exit.is_normal(why) then return finish(self, true) end
  finish(self, false, "failed: " .. tostring(why), "FAILED")
end

function settled.fatal(self)
  finish(self, false, "is FATAL: " .. tostring(self.target.last_exit), "FATAL")
end

function settled.stopped(self)
  local why = self.target.last_exit
  finish(self, false, why and "failed to start: " .. tostring(why) or "was stopped", "FAILED")
end

settled.idle = settled.stopped

local function look_started(self)
  local fn = settled[self.target.phase]
  if fn then return fn(self) end
  wait(self)
end

-- What is looked at all the same; of a unit elsewhere its own runtime may know more than is to be seen here.
local LOOKED_AT = { START_FAILED = true, STOPPED = true, RUNNING = true, RESTARTING = true }

local function refused(self)
  return function(_, message, code)
    if code and not LOOKED_AT[code] then finish(self, false, message, code) end
  end
end

local function begin_start(self)
  local target = self.target
  local phase = target.phase
  if phase == "running" or phase == "starting" or phase == "waiting" then return watch(self, look_started) end
  if phase == "stopping" then return wait(self) end
  if not target.parent.forward then dynamic.call_off(target.parent, target, self.cause) end
  chronicle.note(target, "start", self.cause)
  dynamic.restart_child(target.parent, target, refused(self), self.cause)
  if not self.done then watch(self, look_started) end
end

local function start(self)
  watch(self, begin_start)
end

-- ---- stop

local function look_stopped(self)
  local target = self.target
  if unit.is_alive(target) then return wait(self) end
  self.gone = target.phase == "done" or nil
  finish(self, true)
end

local function stop(self, after)
  local target = self.target
  dynamic.terminate_child(target.parent, target, function(ok, message, code)
    if not ok then return finish(self, false, message, code) end
    if after then return after(self) end
    look_stopped(self)
  end, self.cause)
  if self.force and unit.is_alive(target) then unit.ask_to_kill(target, self.cause) end
  if self.done or after then return end
  self.look = look_stopped
  if not target.parent.forward then look_stopped(self) end -- else its own runtime says when it is gone
end

local function restart(self)
  if self.target.parent.spec.strategy == "simple_one_for_one" then
    return finish(self, false, "is a child of a pool: stop it, and start another", "SIMPLE_ONE_FOR_ONE")
  end
  self.target.comes_back = true
  self.look = wait
  stop(self, function() self.env.post(start, self) end)
end

local ACTIONS = { start = start, stop = stop, restart = restart }

--- Carries out a command for one unit.
---@param tree table
---@param target table the unit
---@param what "start"|"stop"|"restart"
---@param options { cause: string, force?: boolean }
---@param reply fun(outcome: table) path, ok, state, why, message, code, last_words
---@return luvisor.Command
function command.run(tree, target, what, options, reply)
  local self = {
    tree = tree, env = target.env, target = target, path = target:path(), cause = options.cause, force = options.force,
    what = what, reply = reply,
  }
  if not target.parent.spec then
    finish(self, false, "is the root: `luvisor shutdown` ends the whole tree", "ROOT")
  elseif what ~= "stop" and not target.parent.up then
    finish(self, false, ("its supervisor %s is not running"):format(target.parent:path()), "NOT_RUNNING")
  else
    ACTIONS[what](self)
  end
  return self
end

--- What becomes of a unit that was started: replies as command.run does.
---@param tree table
---@param target table
---@param reply fun(outcome: table)
---@return luvisor.Command
function command.observe(tree, target, reply)
  local self = { tree = tree, env = target.env, target = target, path = target:path(), what = "start", reply = reply }
  watch(self, look_started)
  return self
end

--- The time of the command is over: says how far it has come.
---@param self luvisor.Command
function command.give_up(self)
  if self.done then return end
  local present = self.tree:find(self.path)
  if present then self.target = present end
  local why, state = inspect.why(self.target), inspect.state(self.target)
  local progress = self.what ~= "stop" and self.target.phase == "starting" and "is not ready" or "is still " .. state
  finish(self, false, progress .. (why and ": " .. why or ""), "TIMED_OUT")
end

return command
