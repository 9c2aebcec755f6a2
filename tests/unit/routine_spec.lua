-- SPDX-License-Identifier: Apache-2.0
-- Workers are stopped and started in a row where nothing special applies to them. Random scripts with fixed seeds run
-- twice, once with every step taken in full; what can be seen of each worker, and the order of what was done, is the
-- same after every step.

local chronicle = require "luvisor.machine.chronicle"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local ends = require "luvisor.machine.supervisor.ends"
local luvisor = require "luvisor"
local routine = require "luvisor.machine.worker.routine"
local task = require "host.task"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.worker"
local worlds = require "world"

local function pick(list)
  return list[math.random(#list)]
end

-- ---- workers, by what they do about a stop

local ways = {}

function ways.plain() return "complete" end

function ways.slow(self)
  self:sleep(0.3)
  return "complete"
end

function ways.later(self)
  self.turns = (self.turns or 0) + 1
  return self.turns == 2 and "complete" or "keepalive"
end

function ways.deaf() return "keepalive" end
function ways.fails() error("not now", 0) end
function ways.wrong() return "no such event" end

function ways.meddles(_, play)
  if play.meddling then play.world.started:stop "a member" end
  return "complete"
end

function ways.forces(_, play)
  if play.meddling then play.world.started:kill "a member" end
  return "complete"
end

function ways.listens(self, play)
  play:listen(self.name)
  return "complete"
end

local WAYS = { "plain", "plain", "plain", "plain", "plain", "plain", "slow", "later", "deaf", "fails", "wrong",
  "meddles", "forces", "listens" }
local RESTARTS = { "permanent", "permanent", "permanent", "transient", "temporary" }

-- ---- what happens

local Play = {}
Play.__index = Play

function Play:say(format, ...)
  self.said[#self.said + 1] = format:format(...)
end

function Play:listen(why)
  if self.ear then return end
  self.ear = self.world.env.subscribe("exit", function(event) self:say("%s heard %s", why, event.unit) end)
end

function Play:member(name)
  local play, how, definition = self, pick(WAYS), worker.define()
  if math.random() < 0.1 then definition:actor("starting", function() return "run" end) end
  if math.random() < 0.1 then
    definition:leave("running", function(me) play:say("%s leaves running", me.name) end)
  end
  definition:actor("running", { every = pick { 0.4, 1 } }, function(me)
    me.turn = (me.turn or 0) + 1
    play:say("%s %d: turn %d, %s after %d", me.name, me.generation, me.turn, me.stopping, #me.history)
    local command = play.commands[name]
    play.commands[name] = nil
    if command == "crash" then error("boom", 0) end
    return command or me.stopping and ways[how](me, play) or "keepalive"
  end)
  return luvisor.worker {
    name = name, module = definition, restart = pick(RESTARTS), shutdown = pick { 1, 1, 1, "infinity", "kill" },
    start_timeout = pick { 5, 6 }, backoff = math.random() < 0.05 and { min = 0.2, max = 1 } or nil,
  }
end

local acts = {}

local function nudge(play, one, command)
  if one.phase ~= "running" then return end
  play.commands[one.name] = command
  task.nudge(one.task)
end

function acts.crash(play, one) nudge(play, one, "crash") end
function acts.finish(play, one) nudge(play, one, "complete") end
function acts.listen(play) play:listen "test" end
function acts.meddle(play) play.meddling = math.random() < 0.3 end

function acts.deafen(play)
  if play.ear then play.ear() end
  play.ear = nil
end

function acts.write(_, one)
  if one.deliver then one:deliver { "hello", n = 1 } end
end

function acts.wait(play, one)
  unit.wait(one, function(what) play:say("%s has %s", one.name, what) end)
end

function acts.watch(play, one)
  ends.add(play.world.env.ends, one, function(_, why) play:say("%s ended: %s", one.name, tostring(why)) end)
end

function acts.terminate(play, one)
  dynamic.terminate_child(play:root(), one.name, function(ok) play:say("terminated %s: %s", one.name, ok) end)
end

function acts.again(play, one)
  dynamic.restart_child(play:root(), one.name, function(ok) play:say("again %s: %s", one.name, ok ~= nil) end)
end

local ACTS = { "crash", "crash", "crash", "crash", "crash", "finish", "listen", "deafen", "deafen", "meddle", "write",
  "wait", "watch", "terminate", "again", "again" }

function Play:root()
  return self.world.started.root
end

-- ---- what can be seen

local function time_text(at, began)
  return at and ("%.3f"):format(at - began)
end

local function entry_text(entry, began)
  return ("%s %s %s %s %s"):format(time_text(entry.at, began), entry.kind, entry[1], entry[2], entry[3])
end

function Play:look()
  for _, one in ipairs(self:root().children:all()) do
    local past = {}
    for i, step in ipairs(one.past and one.spec.machine.recall(one.past) or {}) do
      past[i] = step.event .. " " .. step.state
    end
    self:say("%s %s %s %d %s %s %s %s %s %s", one.name, one.phase, one.state and one.state.name, one.generation,
      one.restarts, one.stopping, one.is_ready, time_text(one.ready_at, self.began), one.last_exit,
      table.concat(past, ", "))
    for _, entry in ipairs(chronicle.read(one)) do self:say("  %s", entry_text(entry, self.began)) end
  end
  self:say("%s, %d tasks", self:root().phase, task.count())
end

-- ---- playing

local function count_short_ways(env)
  local taken = { count = 0 }
  env.task = setmetatable({ finish = function(...)
    local found, event = task.finish(...)
    if found then taken.count = taken.count + 1 end
    return found, event
  end }, { __index = task })
  return taken
end

local function play(seed)
  math.randomseed(seed)
  local world, children = worlds.new { quiet = true }, {}
  local self = setmetatable({ world = world, said = {}, commands = {}, began = world.env.now() }, Play)
  local taken = count_short_ways(world.env)
  for i = 1, math.random(2, 7) do children[i] = self:member("u" .. i) end
  children.strategy = pick { "one_for_all", "one_for_all", "rest_for_one", "one_for_one" }
  children.intensity = { restarts = 30, within = 1 }
  world:tree(children)
  for _ = 1, 40 do
    local list = self:root().children:all()
    if world.ended or #list == 0 then break end
    acts[pick(ACTS)](self, pick(list))
    world:step(pick { 0, 0, 0, 0.1, 0.5, 1.3 })
    self:look()
  end
  if not world.ended then world:stop(5) end
  self:look()
  world:close()
  return self.said, taken.count
end

local function play_in_full(seed)
  local of = routine.of
  routine.of = function() end
  local said, taken = play(seed)
  routine.of = of
  assert.equal(0, taken)
  return said
end

local function differs(first, last)
  for seed = first, last do
    local said, full = play(seed), play_in_full(seed)
    for i = 1, math.max(#said, #full) do
      if said[i] ~= full[i] then return ("seed %d, line %d: %s\n  in full: %s"):format(seed, i, said[i], full[i]) end
    end
  end
  return nil
end

describe("workers that are stopped and started in a row", function()
  for block = 0, 4 do
    local first = block * 40 + 1
    it(("look as they do when every step is taken in full, seeds %d to %d"):format(first, first + 39), function()
      assert.is_nil((differs(first, first + 39)))
    end)
  end

  it("are many of those that are stopped", function()
    local taken = 0
    for seed = 1, 40 do taken = taken + select(2, play(seed)) end
    assert.is_true(taken > 300)
  end)

  -- A failure is told before the one who asked for the stop goes on.
  it("may stop somebody else when one of them fails", function()
    local world = worlds.new { quiet = true }
    local taken, crashes = count_short_ways(world.env), false
    local function member(name, fn)
      local definition = worker.define()
      definition:actor("running", { every = 1 }, function(self)
        if self.stopping then return fn() end
        if not (crashes and name == "crashes") then return "keepalive" end
        crashes = false
        error("boom", 0)
      end)
      return luvisor.worker { name = name, module = definition }
    end
    world:tree {
      luvisor.supervisor { name = "group", strategy = "one_for_all", children = {
        member("fails", ways.fails), member("plain", ways.plain), member("crashes", ways.plain) } },
      member("beside", ways.plain),
    }
    local beside = world:unit "beside"
    ends.add(world.env.ends, world:unit "fails", function() unit.ask_to_stop(beside, "a test") end)
    crashes = true
    world:step(1)
    assert.equal(1, taken.count)
    assert.equal("shutdown", tostring(beside.last_exit))
    world:stop(5)
    world:close()
  end)

  it("would look otherwise if a step were left out (control)", function()
    local of = routine.of
    routine.of = function(spec)
      local found = of(spec)
      found.append = function(text) return text end
      return found
    end
    local fault = differs(1, 5)
    routine.of = of
    assert.matches("stopped stopped", fault)
  end)
end)
