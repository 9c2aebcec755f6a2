-- SPDX-License-Identifier: Apache-2.0
-- Runsmith's cases that nothing else is made after; names in brackets.

local luvisor = require "luvisor"
local unit = require "luvisor.machine.unit"
local worlds = require "world"

describe("as in Runsmith, a supervisor", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("lets be what is well, restarts what lingers or has failed, and retires what is complete "
    .. "(supervision_unit_status_classification)", function()
    world:tree { "well", "lingers", "complete", "failed", intensity = { restarts = 10, within = 60 } }
    world.scripts.lingers:hang()
    world:finish "complete"
    world:crash "failed"
    world:step(3)
    assert.same({ 1, 2, 1, 2 }, { world:generations("well", "lingers", "complete", "failed") })
    assert.same({ "running", "running", "done", "running" },
      { world:phase "well", world:phase "lingers", world:phase "complete", world:phase "failed" })
    assert.same({ "normal", "timeout", "error" }, { world:unit("complete").last_exit.kind,
      world:unit("lingers").last_exit.kind, world:unit("failed").last_exit.kind })
    world:crash "failed"
    assert.same({ 1, 2, 1, 3 }, { world:generations("well", "lingers", "complete", "failed") })
  end)

  it("starts what it was told of, and hears each of them (sync_supervisor_materializes_units_and_drains_activity)",
    function()
      world:tree { "a", "b", "c" }
      for _, name in ipairs { "a", "b", "c" } do
        assert.equal("running", world:phase(name))
        assert.equal(1, #world:events_of("ready", name))
      end
    end)

  it("may have no children, and is ready all the same (start_executors_raises_when_no_units)", function()
    world:tree {}
    assert.equal("running", world:phase "root")
  end)

  it("counts what comes for nobody, and goes on (drain_activity_queue_is_bounded_and_ignores_unknown)", function()
    world:tree { "a" }
    local child, dropped = world:unit "a", world.env.dropped or 0
    for generation = 2, 101 do child:exited(generation, unit.shutdown_exit()) end
    assert.equal(dropped + 100, world.env.dropped)
    world:step(1)
    assert.same({ "running", 1 }, { child.phase, child.generation })
  end)

  it("kills in vain what has ended (thread_executor_kill_tolerates_already_exited_thread)", function()
    world:tree { "a", "b" }
    world:finish "a"
    assert.is_true(unit.ask_to_kill(world:unit "a"))
    world:step(1)
    assert.same({ "done", "running" }, { world:phase "a", world:phase "b" })
  end)
end)

describe("as in Runsmith, a mailbox", function()
  it("has room for one at least (coroutine_queue_raises_on_nonpositive_max_pending)", function()
    for _, bad in ipairs { 0, -1, 1.5, "x" } do
      local ok, message = pcall(luvisor.worker, { name = "w", module = "m", mailbox = bad })
      assert.is_false(ok)
      assert.truthy(tostring(message):find('key "mailbox"', 1, true), tostring(message))
    end
    assert.truthy(luvisor.worker { name = "w", module = "m", mailbox = 1 })
  end)
end)
