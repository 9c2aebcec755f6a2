-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the OTP, Runsmith or fauxtp case that it was made after.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local unit = require "luvisor.machine.unit"
local worlds = require "world"

describe("a supervisor whose child ends", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree_of(restart, keys)
    keys = keys or {}
    keys[1], keys[2] = world:worker("a", { restart = restart }), "b"
    world:tree(keys)
  end

  it("restarts only the dead child (one_for_one, supervisor_one_for_one_restarts_only_failed_child)", function()
    tree_of(nil, { intensity = { restarts = 2, within = 3600 } })
    world:crash "a"
    assert.same({ 2, 1 }, { world:generations("a", "b") })
    assert.equal("running", world:phase "a")
    world:crash "a"
    world:crash "a"
    assert.equal("error", world.ended.kind)
    assert.equal("more than 2 restarts within 3600 s, last of a: error: boom", world.ended.message)
  end)

  describe("as it says", function()
    it("a permanent one after an error (permanent_abnormal)", function()
      tree_of "permanent"
      world:crash "a"
      assert.equal(2, world:generations "a")
    end)

    it("a permanent one after a normal end (permanent_normal)", function()
      tree_of "permanent"
      world:finish "a"
      assert.equal(2, world:generations "a")
      assert.equal("running", world:phase "a")
    end)

    it("a transient one after an error (transient_abnormal)", function()
      tree_of "transient"
      world:crash "a"
      assert.equal(2, world:generations "a")
    end)

    it("not a transient one after a normal end, which stays listed (transient_normal, "
      .. "supervisor_transient_child_not_restarted_on_normal_exit)", function()
      tree_of "transient"
      world:finish "a"
      assert.equal(1, world:generations "a")
      assert.equal("done", world:phase "a")
      assert.equal(world:unit "a", (world:call("restart_child", "root", "a")))
      assert.equal("running", world:phase "a")
    end)

    it("never a temporary one, and forgets it (temporary_normal, temporary_abnormal, "
      .. "supervisor_temporary_child_never_restarted_even_on_error)", function()
      tree_of "temporary"
      world:crash "a"
      assert.is_nil(world:phase "a")
      assert.same({}, world:heard("restart"))
      local again = world:adopt(world:worker("a", { restart = "temporary" }), "root")
      world:call("start_child", "root", again)
      assert.equal("running", world:phase "a")
      world:finish "a"
      assert.is_nil(world:phase "a")
    end)

    it("a permanent one that shuts down by itself; not a transient or temporary one "
      .. "(permanent_shutdown, transient_shutdown, temporary_shutdown)", function()
      local function ending(restart)
        return world:supervisor(restart, { restart = restart, auto_shutdown = "any_significant",
          world:worker("of_" .. restart, { restart = "transient", significant = true }) })
      end
      world:tree { "a", ending "permanent", ending "transient", ending "temporary" }
      for _, restart in ipairs { "permanent", "transient", "temporary" } do
        world:finish("of_" .. restart)
        assert.equal("shutdown", world:events_of("exit", restart)[1].exit.kind)
      end
      assert.same({ "running", 2 }, { world:phase "permanent", world:generations "permanent" })
      assert.same({ "done", 1 }, { world:phase "transient", world:generations "transient" })
      assert.is_nil(world:phase "temporary")
      assert.equal(world:unit "transient", (world:call("restart_child", "root", "transient")))
      assert.equal("running", world:phase "of_transient")
    end)

    it("retires a worker that ended well and says nothing about restarts "
      .. "(supervise_retires_completed_and_escalates_when_quota_exhausted)", function()
      tree_of(nil)
      world:finish "a"
      assert.equal("done", world:phase "a")
      assert.equal(1, world:generations "a")
      world:crash "b"
      assert.equal("done", world:phase "a")
    end)
  end)

  it("restarts a child that misses its heartbeat (supervise_restarts_dead_retryable_and_lingering_units)", function()
    tree_of(nil)
    world.scripts.a:hang()
    world:step(1.9)
    assert.equal(1, world:generations "a")
    world:step(0.2)
    assert.equal(2, world:generations "a")
    local why = world:events_of("exit", "a")[1].exit
    assert.equal("timeout: heartbeat 2 s in running", tostring(why))
  end)

  it("counts restarts and generations (restart_unit_increments_generation_and_restart_count)", function()
    tree_of(nil, { intensity = { restarts = 10, within = 5 } })
    for _ = 1, 3 do world:crash "a" end
    assert.same({ 4, 3 }, { world:unit("a").generation, world:unit("a").restarts })
    assert.same({ 1, 2, 3 }, { world:events_of("restart")[1].restarts, world:events_of("restart")[2].restarts,
      world:events_of("restart")[3].restarts })
  end)

  it("hands each generation arguments of its own "
    .. "(worker_clone_collects_init_kwargs_without_override, worker_clone_without_fsm_param)", function()
    local given = { list = { 1 } }
    local seen = {}
    local child = world:worker("a", { args = given })
    world.scripts.a.on_start = function(self)
      seen[#seen + 1] = self.args
      table.insert(self.args.list, 2)
      return "run"
    end
    world:tree { child }
    world:crash "a"
    assert.same({ { 1, 2 }, { 1, 2 } }, { seen[1].list, seen[2].list })
    assert.same({ 1 }, given.list)
    assert.not_equal(seen[1], seen[2])
  end)

  describe("too often", function()
    it("survives deaths further apart than the window (multiple_restarts)", function()
      tree_of(nil, { intensity = { restarts = 1, within = 1 } })
      for _ = 1, 4 do
        world:crash "a"
        world:step(2.1)
      end
      assert.equal(5, world:generations "a")
    end)

    it("has a window that is open at its far end (3.16)", function()
      tree_of(nil, { intensity = { restarts = 1, within = 1 } })
      for _ = 1, 5 do
        world:crash "a"
        world:step(1)
      end
      assert.equal(6, world:generations "a")
      world:crash "a"
      world:step(0.999)
      assert.is_nil(world.ended)
      world:crash "a"
      assert.equal("error", world.ended.kind)
    end)

    it("survives one crash an hour for ever, and not four in five seconds (3.15)", function()
      local quiet = world:worker("a", { restart = "permanent" })
      world:tree { quiet }
      for _ = 1, 20 do
        world:crash "a"
        world:step(60)
      end
      assert.equal(21, world:generations "a")
      for _ = 1, 4 do world:crash "a" end
      assert.equal("error", world.ended.kind)
    end)

    it("gives up at the first with restarts = 0", function()
      tree_of(nil, { intensity = { restarts = 0, within = 5 } })
      world:crash "a"
      assert.equal("more than 0 restarts within 5 s, last of a: error: boom", world.ended.message)
      assert.equal(1, world.scripts.a.starts)
    end)

    it("counts the restarts of all children together (supervisor_max_restarts_exceeded_causes_supervisor_exit)",
      function()
        tree_of(nil, { intensity = { restarts = 2, within = 5 } })
        world:crash "a"
        world:crash "b"
        world:crash "a"
        assert.equal("error", world.ended.kind)
        assert.equal("running -> reaping (error)", world:walk "root"[3])
        assert.equal("reaping -> crashed (complete)", world:walk "root"[4])
      end)

    it("gives up when restarts keep failing (one_for_one_escalation)", function()
      tree_of(nil, { intensity = { restarts = 4, within = 3600 } })
      world.scripts.a.on_start = "fail"
      world:crash "a"
      world:step(1)
      assert.equal("error", world.ended.kind)
      assert.equal(5, world.scripts.a.starts)
      assert.same({ "give_up root" }, world:heard("give_up"))
      assert.equal("stopped", world:unit("b").phase)
    end)
  end)

  describe("whose starts keep failing (hanging_restart_loop)", function()
    before_each(function()
      world:tree { world:worker("a", { backoff = { min = 1, max = 4, jitter = 0 } }), "b" }
      world.scripts.a.on_start = "fail"
      world:crash "a"
      assert.equal("backoff", world:phase "a")
    end)

    it("refuses to start, restart or delete it meanwhile", function()
      local another = world:adopt(world:worker "a", "root")
      assert.same({ nil, "root has a child a already", "ALREADY_PRESENT" },
        { world:call("start_child", "root", another) })
      assert.equal("RESTARTING", (select(3, world:call("restart_child", "root", "a"))))
      assert.equal("RESTARTING", (select(3, world:call("delete_child", "root", "a"))))
    end)

    it("shows it as restarting, and not as active (count_restarting_children)", function()
      assert.equal("restarting", dynamic.which_children(world:unit "root")[1].state)
      local counts = dynamic.count_children(world:unit "root")
      assert.same({ 2, 1, 2 }, { counts.specs, counts.active, counts.workers })
    end)

    it("ends the loop when it is terminated (3.2)", function()
      assert.is_true(world:call("terminate_child", "root", "a"))
      local starts = world.scripts.a.starts
      world:step(60)
      assert.equal(starts, world.scripts.a.starts)
      assert.equal("stopped", world:phase "a")
      assert.equal(1, world:generations "b")
    end)

    it("stops at once", function()
      world:stop()
      assert.equal("shutdown", world.ended.kind)
    end)

    it("paces it, and never gives up itself (3.18)", function()
      local starts = world.scripts.a.starts
      world:step(100)
      assert.equal("running", world:phase "root")
      local more = world.scripts.a.starts - starts
      assert.is_true(more >= 24 and more <= 28, more)
    end)
  end)

  it("drops what an older generation still has to say, and counts it (drain_drops_stale_generation_after_restart)",
    function()
      tree_of(nil)
      world:crash "a"
      local child, dropped = world:unit "a", world.env.dropped or 0
      child:ready(1)
      child:exited(1, unit.shutdown_exit())
      world:step(1)
      assert.equal(dropped + 2, world.env.dropped)
      assert.same({ "running", 2 }, { child.phase, child.generation })
    end)

  it("never runs two generations at once (3.3, 3.22)", function()
    tree_of(nil)
    world:crash "a"
    local order = {}
    for _, event in ipairs(world.events) do
      if event.unit == "root/a" and (event.kind == "start" or event.kind == "exit") then
        order[#order + 1] = event.kind .. event.generation
      end
    end
    assert.same({ "start1", "exit1", "start2" }, order)
  end)

  it("keeps 32 exits of a unit at most (3.73)", function()
    world:tree { world:worker("a", { backoff = { min = 0.1, jitter = 0 } }) }
    for _ = 1, 100 do
      world:crash "a"
      world:step(31)
    end
    assert.equal(32, #world:unit("a").history)
  end)
end)
