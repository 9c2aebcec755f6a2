-- SPDX-License-Identifier: Apache-2.0
-- Scripted workers: definitions whose workers do what the test says, and tell what happened to them.
--
-- script.on_start says how the next starts go: "ok", "fail" (error), "slow" (script.delay seconds, deaf to a stop),
-- "hang" (waits for ever), "skip" (ends well before it was ready; needs options.may_skip), or a function(self).
-- script.ignores_stop makes it go on for ever; script.hangs_stopping makes it wait for ever in "terminating".
-- script:crash(), finish(), hang() and run(fn) act on the newest start, or on the unit given.

local fsm = require "luvisor.core.fsm"
local task = require "host.task"
local workers = require "luvisor.worker"

local scripted = {}

local Script = {}
Script.__index = Script

local function skipping_machine()
  return fsm {
    initial = "idle",
    transitions = {
      idle = { start = "starting" },
      starting = { run = "running", skip = "stopped", error = "crashed" },
      running = { complete = "terminating", error = "crashed" },
      terminating = { complete = "stopped", error = "crashed" },
      stopped = fsm.OK,
      crashed = fsm.ERROR,
    },
    timeouts = { heartbeat = { running = 2 }, state = { starting = 10, terminating = 10 } },
  }
end

local function wait_for_ever(self)
  while true do self:sleep(1e6) end
end

local starts = {}

function starts.ok() return "run" end
function starts.fail(_, script) error(script.message or "refuses to start", 0) end
function starts.skip() return "skip" end
starts.hang = wait_for_ever

function starts.slow(self, script)
  local due = script.world.env.now() + script.delay
  while script.world.env.now() < due do self:sleep(due - script.world.env.now()) end
  return "run"
end

local function add_actors(script, definition)
  definition:actor("starting", function(self)
    script.starts = script.starts + 1
    script.selfs[script.starts] = self
    local how = script.on_start
    if type(how) == "function" then return how(self, script) end
    return starts[how](self, script)
  end)

  definition:actor("running", { every = script.every }, function(self)
    local command = script.commands[self._unit]
    if command then
      script.commands[self._unit] = nil
      return command(self)
    end
    if self.stopping and not script.ignores_stop then return "complete" end
    return "keepalive"
  end)

  definition:actor("terminating", function(self)
    if script.hangs_stopping then wait_for_ever(self) end
    return "complete"
  end)
end

--- Has the running worker call fn(self) as its actor, at once.
function Script:run(fn, unit)
  unit = unit or self:newest()
  assert(unit.state and unit.state.name == "running", "the worker is not running")
  self.commands[unit] = fn
  task.nudge(unit.task)
end

--- The worker raises an error.
function Script:crash(message, unit)
  self:run(function() error(message or "boom", 0) end, unit)
end

--- The worker ends by itself, well.
function Script:finish(unit)
  self:run(function() return "complete" end, unit)
end

--- The worker does not come back to its actor.
function Script:hang(unit)
  self:run(wait_for_ever, unit)
end

--- The unit that was started last.
function Script:newest()
  return assert(self.selfs[self.starts], "never started")._unit
end

---@param world table
---@param name string
---@param options? { every?: number, may_skip?: boolean, definition?: function }
function scripted.new(world, name, options)
  options = options or {}
  local script = setmetatable({
    world = world, name = name, every = options.every or 1, on_start = "ok", delay = 1, starts = 0, selfs = {},
    commands = setmetatable({}, { __mode = "k" }),
  }, Script)
  script.definition = workers.define { fsm = options.may_skip and skipping_machine() or nil }
  add_actors(script, script.definition)
  return script
end

return scripted
