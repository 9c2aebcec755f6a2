-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the OTP or Runsmith case that it was made after.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local luvisor = require "luvisor"
local reasons = require "luvisor.machine.reasons"
local task = require "host.task"
local worlds = require "world"

describe("a supervisor starting", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("starts empty and stops (sup_start_normal)", function()
    world:tree {}
    assert.equal("running", world:phase "root")
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    assert.same({ "idle -> starting (start)", "starting -> running (run)", "running -> terminating (complete)",
      "terminating -> stopped (complete)" }, world:walk "root")
  end)

  it("starts children in order and is ready after them (order_of_children)", function()
    world:tree { "e", "b", "d", "a" }
    assert.same({ "start root", "start e", "start b", "start d", "start a", "ready e", "ready b", "ready d", "ready a",
      "ready root" }, world:heard("start", "ready"))
  end)

  it("is not ready before its slowest child, and serves meanwhile", function()
    local slow = world:worker "slow"
    world.scripts.slow.on_start, world.scripts.slow.delay = "slow", 3
    world:tree { slow, "quick" }
    assert.equal("starting", world:phase "root")
    assert.equal("running", world:phase "quick")
    assert.is_true(world:call("terminate_child", "root", "quick"))
    world:step(3)
    assert.equal("running", world:phase "slow")
  end)

  it("goes on to running once every child had its start, a paced one too", function()
    local failing = world:worker("failing", { backoff = { min = 1, jitter = 0 } })
    world.scripts.failing.on_start = "fail"
    world:tree { failing, "a" }
    assert.equal("running", world:unit("root").state.name)
    assert.equal("backoff", world:phase "failing")
    assert.equal("starting", world:phase "root")
    world.scripts.failing.on_start = "ok"
    world:step(1)
    assert.equal("running", world:phase "root")
  end)

  it("starts nobody twice, and nobody who was stopped, before it has begun (3.3)", function()
    world:tree { world:supervisor("sub", { "a", "b", "c" }) }
    assert.is_true(world:call("terminate_child", "root", "sub"))
    dynamic.restart_child(world:unit "root", "sub", dynamic.ignore)
    local sub = world:unit "sub"
    assert.equal("starting", sub.state.name)
    dynamic.restart_child(sub, "a", dynamic.ignore)
    dynamic.terminate_child(sub, "b", dynamic.ignore)
    world:step(0)
    assert.same({ "running", "running", "stopped", "running" },
      { world:phase "sub", world:phase "a", world:phase "b", world:phase "c" })
    assert.same({ 2, 1, 2 }, { world.scripts.a.starts, world.scripts.b.starts, world.scripts.c.starts })
    assert.equal(2, task.count())
    assert.same({}, world:messages "error")
  end)

  it("does not wait for one that was started by hand before it had begun, and failed", function()
    world:tree { world:supervisor("sub", { "a", "b" }) }
    assert.is_true(world:call("terminate_child", "root", "sub"))
    dynamic.restart_child(world:unit "root", "sub", dynamic.ignore)
    world.scripts.a.on_start = "fail"
    dynamic.restart_child(world:unit "sub", "a", dynamic.ignore)
    world:step(0)
    assert.same({ "running", "stopped", "running" }, { world:phase "sub", world:phase "a", world:phase "b" })
  end)

  it("says for whom it waits", function()
    local slow = world:worker "slow"
    world.scripts.slow.on_start, world.scripts.slow.delay = "slow", 3
    world:tree { "quick", slow, world:worker("last", { after = { slow = "ready" } }) }
    local root = world:unit "root"
    assert.equal("slow is not ready: starting", reasons.of(root))
    assert.is_true(world:call("terminate_child", "root", "slow", 10))
    assert.equal("last is not ready: waits for slow to be ready", reasons.of(root))
    assert.is_table((world:call("restart_child", "root", "slow", 4)))
    assert.is_nil(reasons.of(root))
  end)

  it("leaves a child with autostart = false alone", function()
    world:tree { "a", world:worker("b", { autostart = false }) }
    assert.equal("idle", world:phase "b")
    assert.equal("running", world:phase "root")
  end)

  it("stops what was started when a start fails, in reverse, and ends with the cause (faulty_application_shutdown)",
    function()
      local bad = world:worker "bad"
      world.scripts.bad.on_start = "fail"
      world:tree { "a", "b", bad, "never" }
      assert.equal("error", world.ended.kind)
      assert.equal("failed to start child bad: error: refuses to start", world.ended.message)
      assert.equal("refuses to start", world.ended.cause.message)
      assert.equal("bad", world.ended.child)
      local stops = world:heard("stop")
      assert.same({ "stop b", "stop a" }, { stops[#stops - 1], stops[#stops] })
      assert.equal(1, world.scripts.bad.starts)
      assert.same({}, world:heard("restart"))
    end)

  it("fails the start of the supervisor above too", function()
    local bad = world:worker "bad"
    world.scripts.bad.on_start = "fail"
    world:tree { "a", world:supervisor("inner", { bad }) }
    assert.equal("error", world.ended.kind)
    assert.equal("inner", world.ended.child)
    assert.equal("bad", world.ended.cause.child)
    assert.equal("refuses to start", world.ended.cause.cause.message)
  end)

  it("fails the start when a child is not ready within start_timeout (3.28)", function()
    local deaf = world:worker("deaf", { start_timeout = 2 })
    world.scripts.deaf.on_start = "hang"
    world:tree { "a", deaf }
    world:step(1.9)
    assert.equal("starting", world:phase "root")
    world:step(0.2)
    assert.equal("timeout", world.ended.cause.kind)
    assert.equal("start", world.ended.cause.deadline)
  end)

  it("keeps a child that ends well before it was ready as not running (sup_start_ignore_child)", function()
    local skipping = world:worker("skipping", { restart = "transient" }, { may_skip = true })
    world.scripts.skipping.on_start = "skip"
    world:tree { skipping, "a" }
    assert.equal("running", world:phase "root")
    assert.equal("done", world:phase "skipping")
    assert.same({ specs = 2, active = 1, supervisors = 0, workers = 2, programs = 0 },
      dynamic.count_children(world:unit "root"))
  end)

  it("drops a temporary one that does (sup_start_ignore_temporary_child)", function()
    local skipping = world:worker("skipping", { restart = "temporary" }, { may_skip = true })
    world.scripts.skipping.on_start = "skip"
    world:tree { skipping, "a" }
    assert.equal("running", world:phase "root")
    assert.is_nil(world:phase "skipping")
  end)

  it("is listed and no more where a supervisor below it declines to start, and forgets one that is temporary "
    .. "(sup_start_ignore_init)", function()
    local function declining(name, keys)
      keys[1] = world:worker("of_" .. name, { restart = "transient", significant = true }, { may_skip = true })
      keys.auto_shutdown = "any_significant"
      world.scripts["of_" .. name].on_start = "skip"
      return world:supervisor(name, keys)
    end
    world:tree { "a", declining("kept", { restart = "transient" }), declining("gone", { restart = "temporary" }),
      declining("never", { autostart = false }) }
    assert.equal("running", world:phase "root")
    assert.same({ "done", "idle" }, { world:phase "kept", world:phase "never" })
    assert.is_nil(world:phase "gone")
    assert.equal(1, task.count()) -- of "a"
    world:forget()
    world:step(100)
    assert.same({}, world:heard())
    assert.same({ 1, 1, 0 }, { world.scripts.of_kept.starts, world.scripts.of_gone.starts,
      world.scripts.of_never.starts })
    assert.same({}, world:messages "error")
  end)

  it("lets a start that ended be stopped before it began (3.1, 3.25)", function()
    world:load { "a", "b" }
    world.started:start()
    world.started:stop()
    world:step(0)
    assert.equal("shutdown", world.ended.kind)
    assert.equal(0, world.scripts.a.starts)
    assert.equal(0, world.scripts.b.starts)
  end)

  it("ends at once when it is stopped before it was started", function()
    world:load { "a" }
    world.started:stop()
    world:step(0)
    assert.same({}, world:heard())
  end)

  it("stops while starting, with those that were started", function()
    local slow = world:worker "slow"
    world.scripts.slow.on_start, world.scripts.slow.delay = "slow", 3
    world:tree { "a", slow, "b" }
    world:stop(10)
    assert.equal("shutdown", world.ended.kind)
    assert.same({ "stop root", "stop b", "stop slow", "stop a" }, world:heard("stop"))
    assert.is_nil(world:events_of("ready", "slow")[1])
  end)

  it("starts 20,000 children in time that grows with their number only (scale_start_stop_many_children)", function()
    local function time_of(count)
      local other = worlds.new { quiet = true }
      local children = {}
      for i = 1, count do
        children[i] = i == 1 and other:worker "w1" or luvisor.worker {
          name = "w" .. i, module = other.scripts.w1.definition }
      end
      local began = os.clock()
      other:tree(children)
      assert.equal("running", other:phase "root")
      other:stop(1)
      assert.equal("shutdown", other.ended.kind)
      other:close()
      return os.clock() - began
    end
    local few, many = time_of(1000), time_of(20000)
    assert.is_true(many < 10 * 20 * math.max(few, 0.002), ("%g s against %g s"):format(many, few))
  end)
end)
