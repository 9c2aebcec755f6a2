-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the OTP or Runsmith case that it was made after.

local luvisor = require "luvisor"
local worlds = require "world"

describe("a supervisor that gives up", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local NONE = { restarts = 0, within = 5 }

  it("stops what is below it first, in reverse, and crashes (sync_supervisor_reaches_crashed_after_reaping_subtree, "
    .. "supervisor_fsm_reaps_before_crash)", function()
    world:tree { "a", "b", "c", intensity = NONE }
    world:forget()
    world:crash "b"
    assert.same({ "exit b", "restart b", "give_up root", "stop c", "exit c", "stop a", "exit a", "exit root" },
      world:heard())
    assert.same({ "running -> reaping (error)", "reaping -> crashed (complete)" }, world:walk "root")
    assert.equal("error", world.ended.kind)
    assert.equal("error: boom", tostring(world.ended.cause))
    assert.equal("b", world.ended.child)
  end)

  it("is restarted by the one above, whole (nested_parent_restarts_a_crashed_child_supervisor)", function()
    world:tree { "x", world:supervisor("s", { "a", "b", intensity = NONE }) }
    world:crash "a"
    assert.same({ 2, 2 }, { world.scripts.a.starts, world.scripts.b.starts })
    assert.same({ "running", "running" }, { world:phase "a", world:phase "b" })
    assert.equal(1, world:unit("s").restarts)
  end)

  it("has not ended normally for the one above: a transient one is restarted (3.17)", function()
    world:tree { "x", world:supervisor("s", { restart = "transient", "a", intensity = NONE }) }
    world:crash "a"
    assert.equal("running", world:phase "s")
    assert.equal(2, (world:generations "s"))
    assert.equal(1, world:unit("s").restarts)
  end)

  it("counts for the intensity of the one above, up to the root (tree)", function()
    world:tree { intensity = { restarts = 1, within = 100 },
      world:supervisor("m", { intensity = { restarts = 1, within = 100 },
        world:supervisor("s", { "a", intensity = { restarts = 1, within = 100 } }) }), "x" }
    local crashes = 0
    while not world.ended and crashes < 20 do
      world:crash "a"
      crashes = crashes + 1
    end
    assert.equal(8, crashes)
    assert.equal("error", world.ended.kind)
    assert.equal("m", world.ended.child)
    assert.equal("s", world.ended.cause.child)
    assert.equal("a", world.ended.cause.cause.child)
    assert.equal("error: boom", tostring(world.ended.cause.cause.cause))
  end)

  it("begins its window anew after its own restart", function()
    world:tree { intensity = { restarts = 100, within = 100 },
      world:supervisor("s", { "a", intensity = { restarts = 1, within = 100 } }) }
    for _ = 1, 5 do world:crash "a" end
    assert.equal(3, (world:generations "s"))
    assert.equal(2, (world:generations "a"))
  end)

  it("is not restarted when it is temporary", function()
    world:tree { "x", world:supervisor("s", { restart = "temporary", "a", intensity = NONE }) }
    world:crash "a"
    assert.is_nil(world:phase "s")
    assert.equal("running", world:phase "root")
  end)

  it("is paced where it has backoff, and then counts for nobody", function()
    world:tree { "x", intensity = NONE,
      world:supervisor("s", { backoff = { min = 1, jitter = 0 }, "a", intensity = NONE }) }
    world:crash "a"
    assert.equal("backoff", world:phase "s")
    world:step(1)
    assert.equal("running", world:phase "s")
    assert.equal("running", world:phase "a")
  end)

  it("takes its siblings along under one_for_all", function()
    world:tree { strategy = "one_for_all", "x", world:supervisor("s", { "a", intensity = NONE }), "y" }
    world:crash "a"
    assert.same({ 2, 2, 2 }, { world.scripts.x.starts, world.scripts.y.starts, world.scripts.a.starts })
  end)

  it("goes with it when one above fails meanwhile", function()
    world:tree { intensity = NONE, "x", world:supervisor("s", { "a", "b", intensity = NONE }) }
    world.scripts.b.hangs_stopping = true
    world:crash "a"
    assert.equal("reaping", world:unit("s").state.name)
    world:crash "x"
    world:step(20)
    assert.equal("error", world.ended.kind)
    assert.equal(1, world.scripts.a.starts)
  end)

  it("stops in the midst of reaping when it is told to", function()
    world:tree { "x", world:supervisor("s", { "a", "b", intensity = NONE }) }
    world.scripts.b.hangs_stopping = true
    world:crash "a"
    world:stop(20)
    assert.equal("shutdown", world.ended.kind)
    assert.equal(1, world.scripts.a.starts)
  end)

  it("gives up at once when a policy says escalate", function()
    world:tree { intensity = { restarts = 9, within = 1 }, "x",
      world:worker("a", { restart = function() return "escalate" end }) }
    world:crash "a"
    assert.equal("error", world.ended.kind)
    assert.equal("a escalated: error: boom", world.ended.message)
  end)

  it("ends the tree when a critical unit is FATAL, however deep (DESIGN 4)", function()
    world:tree { "x", world:supervisor("s", { "y",
      world:worker("c", { critical = true, restart = luvisor.restart.on_failure(function() return "give_up" end) }) }) }
    world:crash "c"
    assert.equal("error", world.ended.kind)
    assert.equal("critical unit root/s/c is FATAL: error: boom", world.ended.message)
    assert.same({ 1, 1 }, { world.scripts.x.starts, world.scripts.y.starts })
  end)

  it("leaves the siblings of a FATAL one that is not critical alone", function()
    world:tree { "x", world:worker("c", { restart = function() return "give_up" end }) }
    world:crash "c"
    world:step(60)
    assert.equal("fatal", world:phase "c")
    assert.equal("running", world:phase "x")
    assert.same({ "fatal c" }, world:heard("fatal"))
  end)
end)
