-- SPDX-License-Identifier: Apache-2.0
-- Changing a tree that runs. Names in brackets are those of the OTP case.

local reloads = require "reloads"
local worlds = require "world"

local error = error -- a function of the test that knew _ENV would hold all of busted

describe("a changed tree", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function apply(keys, seconds) return reloads.apply(world, keys, seconds) end

  local function names()
    local list = {}
    for i, child in ipairs(world.started.root.children:all()) do list[i] = child.name end
    return table.concat(list, " ")
  end

  it("has new children started in order, and old ones stopped in reverse", function()
    reloads.tree(world, { strategy = "rest_for_one", "a", "b", "c" })
    world:forget()
    apply { strategy = "rest_for_one", "d", "a", "e" }
    assert.same({ "stop c", "exit c", "stop b", "exit b", "start d", "start e" }, world:heard("start", "stop", "exit"))
    assert.same({ "ready d", "ready e" }, world:heard "ready")
    assert.equal("d a e", names())
    assert.equal(1, (world:generations "a"))
  end)

  it("stops side by side what does not depend on each other", function()
    reloads.tree(world, { world:program("a", { ready = { after = 0 } }), world:program("b", { ready = { after = 0 } }),
      world:program("c", { ready = { after = 0 }, after = { b = "started" } }) })
    world:step(0)
    apply {}
    local sent = {}
    for i, child in ipairs(world.process.spawned) do sent[i] = child.sent[1] or "none" end
    assert.same({ "TERM", "none", "TERM" }, sent)
    world.process.spawned[3]:dies(0)
    world:step(0)
    assert.equal("TERM", world.process.spawned[2].sent[1])
    world.process.spawned[2]:dies(0)
    world.process.spawned[1]:dies(0)
    world:step(0)
    assert.equal("", names())
  end)

  it("has the new intensity at the next restart, and keeps what was counted (code_change)", function()
    reloads.tree(world, { intensity = { restarts = 5, within = 100 }, "a" })
    for _ = 1, 3 do world:crash "a" end
    assert.is_nil(world.ended)
    apply { intensity = { restarts = 3, within = 100 }, "a" }
    assert.equal(4, (world:generations "a"))
    world:crash "a"
    assert.truthy(tostring(world.ended):find "more than 3 restarts")
  end)

  it("counts anew without the reload: the control arm", function()
    reloads.tree(world, { intensity = { restarts = 5, within = 100 }, "a" })
    for _ = 1, 4 do world:crash "a" end
    assert.is_nil(world.ended)
  end)

  it("has the new strategy at the next exit", function()
    reloads.tree(world, { intensity = { restarts = 9, within = 1 }, "a", "b" })
    world:crash "a"
    assert.same({ 2, 1 }, { world:generations("a", "b") })
    apply { strategy = "one_for_all", intensity = { restarts = 9, within = 1 }, "a", "b" }
    assert.same({ 2, 1 }, { world:generations("a", "b") })
    world:crash "a"
    assert.same({ 3, 2 }, { world:generations("a", "b") })
  end)

  local function significant(mode, is)
    return { auto_shutdown = mode, "b",
      world:worker("a", { restart = "temporary", significant = is, shutdown = 1 }) }
  end

  it("heeds significance from the next exit on (significant_upgrade)", function()
    for _, case in ipairs {
      { "never", nil, "any_significant", true, true }, { "any_significant", true, "never", nil, false },
      { "any_significant", true, "all_significant", true, true },
      { "any_significant", true, "any_significant", nil, false },
      { "all_significant", nil, "all_significant", true, true },
    } do
      world:close()
      world = worlds.new()
      reloads.tree(world, significant(case[1], case[2]))
      apply(significant(case[3], case[4]))
      assert.equal(1, (world:generations "a"))
      world:finish "a"
      assert.equal(case[5], world.ended ~= nil, table.concat({ case[1], case[3] }, " -> "))
    end
  end)

  it("leaves alone who was stopped by hand, and starts who may be helped", function()
    reloads.tree(world, { world:worker("a", { args = { 1 } }), world:worker("b", { args = { 1 } }), "c" })
    world:call("terminate_child", "root", "a")
    world:finish "b"
    assert.same({ "stopped", "done" }, { world:phase "a", world:phase "b" })
    apply { world:worker("a", { args = { 2 } }), world:worker("b", { args = { 2 } }), "c" }
    assert.same({ "stopped", "running" }, { world:phase "a", world:phase "b" })
    assert.equal(2, world:unit("a").spec.args[1])
  end)

  it("keeps children that were added at run time", function()
    reloads.tree(world, { "a" })
    world:call("start_child", "root", world:adopt(world:worker "x", "root"))
    apply { "b", "a" }
    assert.equal("b a x", names())
    assert.equal(1, (world:generations "x"))
  end)

  it("goes on where a new child does not start, and says so", function()
    reloads.tree(world, { "a" })
    local bad = world:worker "bad"
    world.scripts.bad.on_start = "fail"
    local _, outcome = apply { "a", bad }
    assert.same({}, outcome.failures)
    assert.equal("stopped", world:phase "bad")
    assert.equal("running", world:phase "a")
    assert.is_nil(world.ended)
    assert.truthy(table.concat(world:messages "error", "\n"):find "bad: reload: failed to start")
  end)

  it("gives pools the new template, and their children with it (code_change_simple)", function()
    local function pool(n)
      return { strategy = "simple_one_for_one", template = world:worker("t", { args = { n } }) }
    end
    reloads.tree(world, { world:supervisor("pool", pool(1)) })
    world:call("start_child", "root/pool", nil)
    world:call("start_child", "root/pool", nil)
    apply { world:supervisor("pool", pool(2)) }
    local children = world:unit("pool").children:all()
    assert.equal(2, #children)
    for _, child in ipairs(children) do
      assert.equal("running", child.phase)
      assert.equal(2, child.instance.args[1])
    end
  end)

  local function counter(text, keys)
    return function()
      local one = world:worker("a", keys)
      one.module:enter("terminating", function() return text end)
      one.module:upgrade(function(_, _, data)
        if text == "bad" then error("cannot", 0) end
        data.text = text
        return data
      end)
      return { one }
    end
  end

  it("upgrades a worker, which keeps its generation, state and history", function()
    reloads.tree(world, counter "one"())
    local instance = world:unit("a").instance
    instance.data = { n = 7 }
    local _, outcome = apply(counter "two"())
    assert.same({}, outcome.failures)
    assert.equal(instance, world:unit("a").instance)
    assert.same({ n = 7, text = "two" }, instance.data)
    assert.equal("running", instance.state)
    assert.equal(2, #instance.history)
    assert.equal(1, (world:generations "a"))
  end)

  it("leaves code and data as they were when the upgrade fails, and tries again next time (3.68)", function()
    reloads.tree(world, counter "one"())
    local unit = world:unit "a"
    unit.instance.data = { n = 7 }
    local definition, data = unit.spec.definition, unit.instance.data
    local _, outcome = apply(counter "bad"())
    assert.same({ { path = "root/a", message = "cannot" } }, outcome.failures)
    assert.equal(definition, unit.spec.definition)
    assert.equal(data, unit.instance.data)
    assert.same({ n = 7 }, data)
    world:step(3) -- the heartbeats go on
    assert.equal(1, (world:generations "a"))
    local plan = apply(counter "two"())
    assert.equal("~ root/a  upgrade (code changed)", plan:text())
    assert.equal("two", unit.instance.data.text)
  end)

  it("takes the new code with the next start of a worker that is kept, or crashes before its boundary", function()
    reloads.tree(world, counter "one"())
    local old = world:unit("a").spec.definition
    apply(counter("two", { on_change = "keep" })())
    assert.equal(old, world:unit("a").spec.definition)
    world:crash "a"
    assert.not_equal(old, world:unit("a").spec.definition)
  end)
end)
