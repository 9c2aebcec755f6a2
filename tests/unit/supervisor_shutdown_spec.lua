-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the OTP or Runsmith case that it was made after.

local luvisor = require "luvisor"
local worlds = require "world"
local dynamic = require "luvisor.machine.supervisor.dynamic"

describe("a supervisor stopping", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function exit_kind(name)
    local exits = world:events_of("exit", name)
    return exits[#exits] and exits[#exits].exit.kind
  end

  it("stops its children in reverse order, each gone before the next is asked (order_of_children)", function()
    world:tree { "c", "a", "b" }
    world:forget()
    world:stop()
    assert.same({ "stop root", "stop b", "exit b", "stop a", "exit a", "stop c", "exit c", "exit root" },
      world:heard())
    assert.equal("shutdown", world.ended.kind)
  end)

  it("ends after all below it are gone (3.21)", function()
    world:tree { world:supervisor("x", { "a", world:supervisor("y", { "b" }) }), "c" }
    world:forget()
    world:stop()
    assert.same({ "exit c", "exit b", "exit y", "exit a", "exit x", "exit root" }, world:heard("exit"))
  end)

  it("waits for ever where shutdown is infinity (sup_stop_infinity)", function()
    world:tree { world:worker("a", { shutdown = "infinity" }), world:supervisor("s", { "b", shutdown = "infinity" }) }
    world.scripts.a.ignores_stop = true
    world:stop(3600)
    assert.is_nil(world.ended)
    assert.equal("shutdown", exit_kind "s")
    world.scripts.a.ignores_stop = false
    world:step(1)
    assert.equal("shutdown", world.ended.kind)
    assert.equal("shutdown", exit_kind "a")
  end)

  it("kills what does not stop in time, and only that "
    .. "(sup_stop_timeout, shutdown_stops_alive_units_and_kills_lingering)", function()
      world:tree { world:worker("a", { shutdown = 1 }), world:worker("b", { shutdown = 1 }) }
      world.scripts.a.ignores_stop = true
      world:stop(0.9)
      assert.is_nil(world.ended)
      world:step(2)
      assert.equal("shutdown", world.ended.kind)
      assert.same({ "killed", "shutdown" }, { exit_kind "a", exit_kind "b" })
      assert.equal("killed: did not stop within 1 s", tostring(world:unit("a").last_exit))
    end)

  it("does not let a deaf one spin, though it returns at once (3.26)", function()
    local turns = 0
    local one = world:worker("a", { shutdown = 1 })
    world:tree { one }
    world.scripts.a.ignores_stop = true
    world.scripts.a.definition.actors.running.every = nil
    local fn = world.scripts.a.definition.actors.running.fn
    world.scripts.a.definition.actors.running.fn = function(self) turns = turns + 1 return fn(self) end
    world:crash "a"
    turns = 0
    world:stop(10)
    assert.equal("killed", exit_kind "a")
    assert.is_true(turns <= 1010, turns)
  end)

  it("kills at once with shutdown = kill, and runs no hook (sup_stop_brutal_kill)", function()
    local hooks = 0
    local one = world:worker("a", { shutdown = "kill" })
    world.scripts.a.definition:leave("running", function() hooks = hooks + 1 end)
    world:tree { one, "b" }
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    assert.same({ "killed", 0 }, { exit_kind "a", hooks })
    assert.equal("shutdown", exit_kind "b")
  end)

  it("goes on when children end by themselves meanwhile, whatever they are (sup_stop_race)", function()
    for round = 1, 20 do
      world = worlds.new()
      local children, names = {}, {}
      for _, restart in ipairs { "permanent", "transient", "temporary" } do
        for _, ending in ipairs { "crash", "finish", "hang", "none" } do
          local name = restart .. "_" .. ending
          names[#names + 1] = { name, ending }
          children[#children + 1] = world:worker(name, { restart = restart, shutdown = 1 })
        end
      end
      children.intensity = { restarts = 100, within = 1 }
      world:tree(children)
      if round % 2 == 0 then -- the newest keeps the others waiting for their turn
        world.scripts.temporary_none:hang()
        world:step(0)
        world.started:stop()
      end
      for i, one in ipairs(names) do
        if (i + round) % 3 ~= 0 and one[2] ~= "none" then world.scripts[one[1]][one[2]](world.scripts[one[1]]) end
      end
      world:stop(60)
      assert.equal("shutdown", world.ended.kind)
      world:close()
    end
    world = worlds.new()
  end)

  it("gives everybody else a turn while it stops very many", function()
    world = worlds.new { quiet = true }
    local children = {}
    for i = 1, 600 do children[i] = "w" .. i end
    world:tree(children)
    local present = {}
    local function look()
      if world.ended then return end
      local count = 0
      for i = 1, 600 do
        if world:phase("w" .. i) == "running" then count = count + 1 end
      end
      present[#present + 1] = count
      world.env.post(look)
    end
    world.env.post(look)
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    assert.is_true(present[1] > 0 and present[1] < 600, "stopped in bursts")
  end)

  it("keeps each child's own reason when it ends by itself while it waits for its turn", function()
    world:tree { "a", world:worker("b", { shutdown = 5 }) }
    world.scripts.b.ignores_stop = true
    world:stop(1)
    world:crash("a", "by itself")
    world.scripts.b.ignores_stop = false
    world:step(2)
    assert.equal("shutdown", world.ended.kind)
    assert.equal("error: by itself", tostring(world:events_of("exit", "a")[1].exit))
    assert.same({}, world:heard("restart"))
  end)

  it("does not hang on a child that swallows its cancel, and serves others meanwhile (child_unlink)", function()
    world:tree { world:worker("stubborn", { shutdown = 1 }), "other" }
    world.scripts.stubborn:run(function(self)
      while true do pcall(self.sleep, self, 0.1) end
    end)
    world:step(0)
    local answered = false
    dynamic.terminate_child(world:unit "root", "stubborn", function() answered = true end)
    world:step(0.5)
    assert.is_false(answered)
    world:crash "other"
    assert.equal(2, (world:generations "other"))
    world:step(2)
    assert.is_true(answered)
    assert.equal("stopped", world:phase "stubborn")
  end)

  it("gives its own children all the time that they may take (3.27)", function()
    local slow = world:worker("leaf", { shutdown = 8 })
    world:tree { world:supervisor("s1", { world:supervisor("s2", { world:supervisor("s3", { slow }) }) }) }
    world.scripts.leaf:run(function(self)
      while not self.stopping do self:sleep(1) end
      for _ = 1, 7 do self:sleep(1) self:beat() end
      return "complete"
    end)
    world:stop(8)
    assert.equal("shutdown", world.ended.kind)
    for _, name in ipairs { "leaf", "s1", "s2", "s3" } do assert.equal("shutdown", exit_kind(name)) end
  end)

  it("kills what is below when a given shutdown runs out", function()
    world:tree { world:supervisor("s", { shutdown = 2, world:worker("a", { shutdown = 60 }) }), "b" }
    world.scripts.a.ignores_stop = true
    world:stop(1.9)
    assert.is_nil(world.ended)
    world:step(0.2)
    assert.equal("shutdown", world.ended.kind)
    assert.equal("killed", exit_kind "a")
  end)

  it("kills everything when it is told to, also in the midst of a slow stop", function()
    world:tree { world:worker("a", { shutdown = 60 }), world:supervisor("s", { "b", world:worker("c") }) }
    world.scripts.a.ignores_stop, world.scripts.b.ignores_stop = true, true
    world:stop(1)
    assert.is_nil(world.ended)
    world.started:kill()
    world:step(0)
    assert.is_not_nil(world.ended)
    assert.same({ "killed", "killed", "shutdown" }, { exit_kind "a", exit_kind "b", exit_kind "c" })
  end)

  it("stops programs that stand side by side together, and workers one by one", function()
    world:tree { world:program "p", world:program "q", "a" }
    world:step(1)
    world:stop()
    local p, q = world.process.spawned[1], world.process.spawned[2]
    assert.same({ "TERM", "CONT" }, p.sent)
    assert.same({ "TERM", "CONT" }, q.sent)
    p:dies(nil, 15)
    q:dies(nil, 15)
    world:step(0)
    assert.equal("shutdown", world.ended.kind)
  end)

  it("stops a program that another comes after last", function()
    world:tree { world:program "db", world:program("web", { after = { db = "started" } }) }
    world:step(1)
    world:stop()
    local db, web = world.process.spawned[1], world.process.spawned[2]
    assert.same({ {}, { "TERM", "CONT" } }, { db.sent, web.sent })
    web:dies(nil, 15)
    world:step(0)
    assert.same({ "TERM", "CONT" }, db.sent)
    db:dies(nil, 15)
    world:step(0)
    assert.equal("shutdown", world.ended.kind)
  end)

  it("kills all programs at once when it is killed, and ends when they are gone", function()
    world:tree { world:program "p", world:program "q" }
    world:step(1)
    world.started:kill()
    world:step(0)
    for i = 1, 2 do
      local sent = world.process.spawned[i].sent
      assert.equal("KILL", sent[#sent])
    end
    assert.is_nil(world.ended)
    world.process.spawned[1]:dies(nil, 9)
    world.process.spawned[2]:dies(nil, 9)
    world:step(0)
    assert.is_not_nil(world.ended)
  end)

  it("ends at once where every child is down or waits", function()
    world:tree { world:worker("a", { backoff = { min = 50, jitter = 0 } }), world:worker("b", { autostart = false }) }
    world:crash "a"
    assert.equal("backoff", world:phase "a")
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    world:step(100)
    assert.equal(1, world.scripts.a.starts)
  end)

  it("ends where there is nothing left to stop, and tells who waits for it", function()
    local function pool(name)
      return world:supervisor(name, { strategy = "simple_one_for_one", template = world:worker("w" .. name) })
    end
    world:tree { pool "p", pool "q", world:supervisor("s", { "a" }), "b" }
    world:call("terminate_child", "s", "a")
    assert.is_true(world:call("terminate_child", "root", "s"))
    assert.is_true(world:call("terminate_child", "root", "p"))
    world:stop()
    assert.equal("shutdown", world.ended.kind)
  end)

  it("hears a second stop as no more than the first", function()
    world:tree { "a" }
    world.scripts.a.ignores_stop = true
    world:stop(1)
    world:stop(1)
    world.scripts.a.ignores_stop = false
    world:step(2)
    assert.equal("shutdown", world.ended.kind)
  end)
end)

describe("force in the midst of a row", function()
  local world

  before_each(function() world = worlds.new { quiet = true } end)
  after_each(function() world:close() end)

  -- what becomes of one that does not listen, and in whose turn the end by force is ordered, or not
  local function end_of_deaf(forces)
    local definition = require("luvisor.worker").define()
    definition:actor("running", { every = 1 }, function(self)
      if self.stopping and forces then world.started:kill() end
      return "keepalive"
    end)
    world:tree { "a", luvisor.worker { name = "deaf", module = definition, shutdown = "infinity" }, "c" }
    world:step(2)
    world.started:stop()
    world:step(5)
    return world:phase "deaf"
  end

  it("does not leave out the one that is being asked", function()
    assert.equal("stopped", end_of_deaf(true))
  end)

  it("is needed: the control arm", function()
    assert.equal("stopping", end_of_deaf(false))
  end)
end)
