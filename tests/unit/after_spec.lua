-- SPDX-License-Identifier: Apache-2.0

local worlds = require "world"

describe("a unit that comes after another", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function slow(name, seconds, keys)
    local one = world:worker(name, keys)
    world.scripts[name].on_start, world.scripts[name].delay = "slow", seconds
    return one
  end

  it("started: begins when that has begun, wherever it stands in the list", function()
    world:tree { world:worker("b", { after = { a = "started" } }), slow("a", 3) }
    assert.same({ "starting", "running" }, { world:phase "a", world:phase "b" })
    assert.same({ "start root", "start a", "start b" }, world:heard("start"))
  end)

  it("ready: waits until that is ready, and says for what", function()
    world:tree { slow("a", 3), world:worker("b", { after = { a = "ready" } }), "c" }
    assert.same({ "waiting", "running" }, { world:phase "b", world:phase "c" })
    assert.truthy(table.concat(world:messages "info", "\n"):find("b: waits for a to be ready", 1, true))
    world:step(2.9)
    assert.equal(0, world.scripts.b.starts)
    world:step(0.1)
    assert.equal("running", world:phase "b")
  end)

  it("done: waits until that has ended well", function()
    world:tree { world:worker("a", { restart = "transient" }), world:worker("b", { after = { a = "done" } }) }
    assert.equal("waiting", world:phase "b")
    world:crash "a"
    assert.equal("waiting", world:phase "b")
    world:finish "a"
    assert.same({ "done", "running" }, { world:phase "a", world:phase "b" })
  end)

  it("takes a unit elsewhere in the tree by its path", function()
    world:tree { world:supervisor("s", { world:worker("b", { after = { ["root/t/a"] = "ready" } }) }),
      world:supervisor("t", { slow("a", 3) }) }
    assert.equal("waiting", world:phase "b")
    assert.equal("starting", world:phase "s")
    world:step(3)
    assert.same({ "running", "running" }, { world:phase "b", world:phase "s" })
  end)

  it("takes several, and starts when all are there", function()
    world:tree { slow("a", 2), slow("b", 4), world:worker("c", { after = { a = "ready", b = "ready" } }) }
    world:step(3)
    assert.equal("waiting", world:phase "c")
    world:step(1)
    assert.equal("running", world:phase "c")
  end)

  it("waits for the present generation, not for one that was ready once (3.67)", function()
    world:tree { world:worker("a", { backoff = { min = 10, jitter = 0 } }),
      world:worker("b", { after = { a = "ready" }, backoff = { min = 1, jitter = 0 } }) }
    world:crash "a"
    world:crash "b"
    world:step(5)
    assert.same({ "backoff", "waiting" }, { world:phase "a", world:phase "b" })
    world:step(5)
    assert.same({ "running", "running" }, { world:phase "a", world:phase "b" })
  end)

  it("is not there while that is FATAL, says so, and starts once that was started by hand", function()
    local bad = world:worker("a", { backoff = { min = 1, jitter = 0 }, restart = function() return "give_up" end })
    world.scripts.a.on_start = "fail"
    world:tree { bad, world:worker("b", { after = { a = "ready" } }), "c" }
    world:step(10)
    assert.same({ "fatal", "waiting", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
    assert.equal("a to be ready, which is FATAL: error: refuses to start", world.started:missing(world:unit "b"))
    world.scripts.a.on_start = "ok"
    world:call("restart_child", "root", "a")
    assert.equal("running", world:phase "b")
  end)

  it("can be stopped while it waits, and then does not start (3.4)", function()
    world:tree { slow("a", 3), world:worker("b", { after = { a = "ready" } }) }
    assert.is_true(world:call("terminate_child", "root", "b"))
    world:step(5)
    assert.same({ "running", "stopped", 0 }, { world:phase "a", world:phase "b", world.scripts.b.starts })
  end)

  it("can be stopped and started while it waits, and runs once (3.4)", function()
    world:tree { slow("a", 3), world:worker("b", { after = { a = "ready" } }) }
    world:step(0.05)
    world:call("terminate_child", "root", "b")
    world:call("restart_child", "root", "b")
    assert.equal("waiting", world:phase "b")
    assert.equal("RESTARTING", (select(3, world:call("restart_child", "root", "b"))))
    world:step(5)
    assert.same({ "running", 1 }, { world:phase "b", world.scripts.b.starts })
  end)

  it("does not keep the tree from stopping", function()
    world:tree { slow("a", 3), world:worker("b", { after = { a = "ready" } }) }
    world:stop(10)
    assert.equal("shutdown", world.ended.kind)
    assert.equal(0, world.scripts.b.starts)
  end)

  it("is stopped before what it comes after", function()
    world:tree { world:worker("b", { after = { a = "ready" } }), "a" }
    world:forget()
    world:stop()
    assert.same({ "stop root", "stop b", "stop a" }, world:heard("stop"))
  end)

  it("waits in one supervisor for a whole other one", function()
    world:tree { world:supervisor("s", { slow("a", 3) }), world:supervisor("t", { after = { s = "ready" }, "b" }) }
    assert.equal("waiting", world:phase "t")
    world:step(3)
    assert.equal("running", world:phase "b")
  end)

  it("starts in topological order and stops in the reverse, whatever the graph (3.67)", function()
    for seed = 1, 20 do
      world = worlds.new()
      math.randomseed(seed)
      local children, before = {}, {}
      for i = 1, 12 do
        local after = {}
        for j = 1, i - 1 do
          if math.random() < 0.25 then
            after["u" .. j] = math.random() < 0.5 and "ready" or "started"
            before[#before + 1] = { "u" .. j, "u" .. i }
          end
        end
        local one = slow("u" .. i, math.random() * 3, { after = next(after) and after or nil })
        table.insert(children, math.random(#children + 1), one)
      end
      world:tree(children)
      world:step(60)
      assert.equal("running", world:phase "root")
      world:stop(60)
      local started, stopped = {}, {}
      for i, event in ipairs(world.events) do
        local name = event.unit:match "[^/]*$"
        if event.kind == "start" then started[name] = i end
        if event.kind == "exit" then stopped[name] = i end
      end
      for _, pair in ipairs(before) do
        assert.is_true(started[pair[1]] < started[pair[2]])
        assert.is_true(stopped[pair[1]] > stopped[pair[2]])
      end
      world:close()
    end
    world = worlds.new()
  end)
end)
