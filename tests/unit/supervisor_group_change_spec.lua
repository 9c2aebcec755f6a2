-- SPDX-License-Identifier: Apache-2.0
-- Children that are changed by hand while their group is about to be started again.

local task = require "host.task"
local worlds = require "world"

describe("a group that is about to be started again", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  --- "a" has crashed and waits two seconds; "b" and "c" were stopped for it.
  local function pause()
    world:tree { strategy = "one_for_all", world:worker("a", { backoff = { min = 2, jitter = 0 } }), "b", "c" }
    world:crash "a"
    assert.same({ "backoff", "stopped", "stopped" }, { world:phase "a", world:phase "b", world:phase "c" })
  end

  --- "a" has crashed, "b" has been stopped, "c" takes its time to stop.
  local function sweep()
    world:tree { strategy = "one_for_all", "a", "c", "b" }
    world.scripts.c.hangs_stopping = true
    world:crash "a"
    assert.same({ "restarting", "stopping", "stopped" }, { world:phase "a", world:phase "c", world:phase "b" })
  end

  local function go_on()
    world.scripts.c.hangs_stopping = false
    world:step(10)
  end

  it("starts without one that is terminated meanwhile (3.2)", function()
    pause()
    assert.is_true(world:call("terminate_child", "root", "b"))
    world:step(5)
    assert.same({ "running", "stopped", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.equal(1, world.scripts.b.starts)
  end)

  it("starts without one that was terminated while another was still stopping (3.2)", function()
    sweep()
    assert.is_true(world:call("terminate_child", "root", "b"))
    assert.is_true(world:call("terminate_child", "root", "a"))
    go_on()
    assert.same({ "stopped", "stopped", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.same({ 1, 1 }, { world.scripts.a.starts, world.scripts.b.starts })
  end)

  it("starts without one that is terminated while it is itself stopping for it (3.2)", function()
    sweep()
    assert.equal("no reply", (world:call("terminate_child", "root", "c")))
    go_on()
    assert.same({ "running", "running", "stopped" }, { world:phase "a", world:phase "b", world:phase "c" })
  end)

  it("starts without one that is deleted meanwhile", function()
    pause()
    assert.is_true(world:call("terminate_child", "root", "b"))
    assert.is_true(world:call("delete_child", "root", "b"))
    world:step(5)
    assert.same({ "running", "running" }, { world:phase "a", world:phase "c" })
    assert.is_nil(world:phase "b")
    assert.equal(1, world.scripts.b.starts)
  end)

  it("starts the others when the one that it waits for is terminated", function()
    pause()
    assert.is_true(world:call("terminate_child", "root", "a"))
    world:step(5)
    assert.same({ "stopped", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
  end)

  it("does not start one twice that was started by hand (3.3)", function()
    pause()
    assert.is_table((world:call("restart_child", "root", "b")))
    world:step(5)
    assert.same({ "running", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.equal(2, world.scripts.b.starts)
    assert.equal(3, task.count())
  end)

  it("does not start one twice that was started by hand while another was still stopping (3.3)", function()
    sweep()
    assert.is_table((world:call("restart_child", "root", "b")))
    go_on()
    assert.same({ "running", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.equal(3, task.count())
  end)

  it("does not lose sight of one that was terminated, started and terminated again meanwhile (3.3)", function()
    sweep()
    assert.is_true(world:call("terminate_child", "root", "a"))
    assert.is_table((world:call("restart_child", "root", "a")))
    assert.equal("running", world:phase "a")
    world:call("terminate_child", "root", "a")
    world:step(1)
    assert.same({ "stopped", 1 }, { world:phase "a", task.count() })
    assert.is_table((world:call("restart_child", "root", "a")))
    go_on()
    assert.same({ "running", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.same({ 3, 3 }, { world.scripts.a.starts, task.count() })
  end)

  it("starts one with the others that was started by hand and crashed meanwhile (3.2)", function()
    sweep()
    assert.is_true(world:call("terminate_child", "root", "a"))
    assert.is_table((world:call("restart_child", "root", "a")))
    world:crash "a"
    go_on()
    assert.same({ "running", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.same({ 3, 3 }, { world.scripts.a.starts, task.count() })
  end)

  it("takes in one that is added meanwhile", function()
    pause()
    assert.is_table((world:call("start_child", "root", world:adopt(world:worker "d", "root"))))
    world:step(5)
    assert.same({ "running", "running", "running", "running" },
      { world:phase "a", world:phase "b", world:phase "c", world:phase "d" })
  end)

  it("ends with its supervisor, in the pause and in the sweep", function()
    pause()
    world:stop()
    assert.equal("shutdown", world.ended.kind)
    world:step(10)
    assert.equal(1, world.scripts.a.starts)
    world:close()
    world = worlds.new()
    sweep()
    world:stop(20)
    assert.equal("shutdown", world.ended.kind)
    assert.same({ 1, 1, 1 }, { world.scripts.a.starts, world.scripts.b.starts, world.scripts.c.starts })
  end)
end)
