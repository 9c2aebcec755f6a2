-- SPDX-License-Identifier: Apache-2.0
-- When a tree ends by itself, and what keeps it alive. Names in brackets are those of the Runsmith case.

local worlds = require "world"

describe("a tree", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("ends well when all its workers have (sync_supervisor_run_returns_after_one_shot_completion)", function()
    world:tree { "a", "b" }
    world:finish "a"
    assert.is_nil(world.ended)
    world:finish "b"
    assert.equal("normal", world.ended.kind)
    assert.same({ 1, 1 }, { world.scripts.a.starts, world.scripts.b.starts })
  end)

  it("ends with its subtrees", function()
    world:tree { world:supervisor("s", { "a", world:supervisor("t", { "b" }) }) }
    world:finish "b"
    assert.equal("done", world:phase "t")
    assert.is_nil(world.ended)
    world:finish "a"
    assert.equal("normal", world.ended.kind)
  end)

  it("ends well also when its workers end before they were ready "
    .. "(async_supervisor_run_returns_after_one_shot_completion)", function()
    local one = world:worker("a", nil, { may_skip = true })
    world.scripts.a.on_start = "skip"
    world:tree { one }
    assert.equal("normal", world.ended.kind)
  end)

  it("is kept alive by one that is permanent because the script says so", function()
    world:tree { "a", world:worker("p", { restart = "permanent" }) }
    world:finish "a"
    world:finish "p"
    assert.is_nil(world.ended)
    assert.equal("running", world:phase "p")
  end)

  it("counts a transient one that ended well, and a temporary one that ended anyhow", function()
    world:tree { world:worker("t", { restart = "transient" }), world:worker("x", { restart = "temporary" }) }
    world:crash "x"
    assert.is_nil(world.ended)
    world:finish "t"
    assert.equal("normal", world.ended.kind)
  end)

  it("is kept alive by what is stopped by hand, FATAL, paced or waits", function()
    world:tree { "a", world:worker("stopped") }
    world:call("terminate_child", "root", "stopped")
    world:finish "a"
    world:step(60)
    assert.is_nil(world.ended)
    world:close()

    world = worlds.new()
    world:tree { "a", world:worker("f", { restart = function() return "give_up" end }) }
    world:crash "f"
    world:finish "a"
    world:step(60)
    assert.is_nil(world.ended)
    world:close()

    world = worlds.new()
    world:tree { "a", world:worker("p", { backoff = { min = 9, jitter = 0 } }) }
    world:crash "p"
    world:finish "a"
    assert.is_nil(world.ended)
    world:close()

    world = worlds.new()
    world:tree { world:worker("a", { restart = "transient" }),
      world:worker("w", { after = { a = "done" } }), world:worker("f", { restart = function() return "give_up" end }) }
    world:finish "a"
    assert.equal("running", world:phase "w")
    assert.is_nil(world.ended)
  end)

  it("is not kept alive by one that was never to be started", function()
    world:tree { "a", world:worker("n", { autostart = false }) }
    world:finish "a"
    assert.equal("normal", world.ended.kind)
  end)

  it("is kept alive by an empty supervisor and by a pool, which may still get children", function()
    world:tree { "a", world:supervisor("p", { strategy = "simple_one_for_one", template = world:worker "w" }) }
    world:finish "a"
    world:step(60)
    assert.is_nil(world.ended)
  end)

  it("ends well with a program that exits with 0 and is transient, badly never by it", function()
    world:tree { world:program("p", { restart = "transient" }) }
    world:step(2)
    world.process.spawned[1]:dies(0)
    world:step(0)
    assert.equal("normal", world.ended.kind)
  end)

  it("does not end before all below are gone", function()
    world:tree { "a", world:worker("b", { restart = "transient" }) }
    world.scripts.a:finish()
    world.scripts.b:finish()
    world:step(0)
    assert.equal("normal", world.ended.kind)
    local heard = world:heard("exit")
    assert.equal("exit root", heard[#heard])
    assert.equal(3, #heard)
  end)
end)
