-- SPDX-License-Identifier: Apache-2.0
-- A group that is being restarted, and what comes up meanwhile.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local reloads = require "reloads"
local worlds = require "world"

describe("while a group is being restarted", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree(strategy, restarts, ...)
    world:tree { strategy = strategy, intensity = { restarts = restarts, within = 100 }, ... }
  end

  -- Of the workers the one named will not go for five seconds and a bit.
  local function hold_up(name) world.scripts[name].ignores_stop = true end

  local function phases(...)
    local list = {}
    for i, name in ipairs { ... } do list[i] = world:phase(name) or "none" end
    return table.concat(list, " ")
  end

  it("an end of another of it is not counted again, wherever that one stands", function()
    for _, strategy in ipairs { "one_for_all", "rest_for_one" } do
      for _, second in ipairs { "a", "c" } do
        tree(strategy, strategy == "one_for_all" and 1 or 2, "a", "b", "c", "deaf")
        hold_up "deaf"
        world:crash "b"
        world:crash(second)
        world:step(10)
        assert.is_nil(world.ended)
        assert.equal("running running running running", phases("a", "b", "c", "deaf"))
        world:close()
        world = worlds.new()
      end
    end
  end)

  it("who is started by hand goes and comes with the others", function()
    tree("one_for_all", 9, "a", "b", "deaf")
    hold_up "deaf"
    dynamic.terminate_child(world:unit "root", "a", dynamic.ignore)
    world:step(0)
    world:crash "b"
    dynamic.terminate_child(world:unit "root", "a", dynamic.ignore)
    dynamic.restart_child(world:unit "root", "a", dynamic.ignore)
    world:step(0)
    assert.equal("running restarting stopping", phases("a", "b", "deaf"))
    world:step(10)
    assert.equal("running running running", phases("a", "b", "deaf"))
    assert.equal(3, world:unit("a").generation)
  end)

  it("who is added by hand and temporary is not forgotten while it runs", function()
    tree("rest_for_one", 9, "a", "deaf", world:worker("t", { restart = "temporary" }))
    hold_up "deaf"
    world:crash "a"
    assert.equal("restarting stopping stopped", phases("a", "deaf", "t"))
    local t = world:unit "t"
    world:unit("root"):start_child(t)
    world:step(10)
    assert.equal("running running running", phases("a", "deaf", "t"))
    assert.equal(t, world:unit "t")
  end)

  it("the delay of the one that it is about holds, whoever else ends", function()
    tree("one_for_all", 9, "a", world:worker("slow", { backoff = { min = 10, max = 10, jitter = 0 } }))
    world:crash "slow"
    assert.equal("stopped backoff", phases("a", "slow"))
    dynamic.restart_child(world:unit "root", "a", dynamic.ignore)
    world:step(1)
    world:crash "a"
    world:step(8)
    assert.equal("stopped backoff", phases("a", "slow"))
    world:step(2)
    assert.equal("running running", phases("a", "slow"))
  end)

  it("who is added by hand and fails to start is gone for good", function()
    tree("one_for_all", 9, world:worker("slow", { backoff = { min = 10, max = 10, jitter = 0 } }))
    world:crash "slow"
    local new = world:adopt(world:worker "new", "root")
    world.scripts.new.on_start = "fail"
    assert.equal("START_FAILED", select(3, world:call("start_child", "root", new)))
    world.scripts.new.on_start = "ok"
    world:step(11)
    assert.equal("running none", phases("slow", "new"))
    assert.equal(1, world.scripts.new.starts)
  end)

  it("another strategy leaves nobody behind", function()
    local function keys(strategy)
      return { strategy = strategy, intensity = { restarts = 9, within = 1 }, "a",
        world:worker("slow", { backoff = { min = 10, max = 10, jitter = 0 } }) }
    end
    reloads.tree(world, keys "one_for_all")
    world:crash "slow"
    reloads.apply(world, keys "one_for_one")
    assert.equal("stopped backoff", phases("a", "slow"))
    world:step(10)
    assert.equal("running running", phases("a", "slow"))
  end)
end)

describe("a child that waits for another", function()
  it("starts when a reload takes that condition away, and so do all others that wait", function()
    local world = worlds.new()
    local function keys(after)
      return { world:worker("never", { autostart = false }), world:worker("once", { autostart = false }),
        world:program("w", { after = after, ready = { after = 0 } }),
        world:worker("v", { after = { once = "ready" } }) }
    end
    reloads.tree(world, keys { never = "ready" })
    reloads.apply(world, keys())
    assert.equal("running", world:phase "w")
    world:call("restart_child", "root", "once")
    assert.equal("running", world:phase "v")
    world:close()
  end)
end)
