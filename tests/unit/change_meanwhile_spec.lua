-- SPDX-License-Identifier: Apache-2.0
-- What happens to a supervisor while a change of its children is under way.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local reloads = require "reloads"
local rolling = require "luvisor.machine.supervisor.rolling"
local worlds = require "world"

describe("a supervisor that starts anew in the midst of a change", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function box(command, ...)
    local children = { name = "box", intensity = { restarts = 0, within = 1 }, "crasher", ... }
    children[#children + 1] = world:program("slow", { command = { command }, ready = { after = 0 } })
    return { intensity = { restarts = 9, within = 1 }, world:supervisor("box", children) }
  end

  local function names()
    local list = {}
    for i, child in ipairs(world:unit("box").children:all()) do list[i] = child.name end
    return table.concat(list, " ")
  end

  local function change(crashes)
    reloads.tree(world, box "old")
    local _, outcome = reloads.apply(world, box("new", "added"))
    if crashes then world:crash "crasher" end
    world.process.spawned[1]:dies(0)
    world:step(1)
    assert.same({}, outcome.failures)
    return #world.process.spawned - 1
  end

  it("runs what the new script says once", function()
    assert.equal(1, change(true))
    assert.equal(2, world:unit("box").generation)
    assert.equal("crasher added slow", names())
  end)

  it("need not: the control arm", function()
    assert.equal(1, change(false))
    assert.equal(1, world:unit("box").generation)
    assert.equal("crasher added slow", names())
  end)
end)

describe("a child that was added at run time, and is of the new script", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function program(command) return world:program("x", { command = { command }, ready = { after = 0 } }) end
  local function start() world:call("start_child", "root", world:adopt(program "by hand", "root")) end

  it("gives way to that one", function()
    reloads.tree(world, { "a" })
    start()
    local _, outcome = reloads.apply(world, { "a", program "by the script" })
    assert.equal("TERM", world.process.spawned[1].sent[1])
    assert.equal(1, #world.process.spawned)
    world.process.spawned[1]:dies(0)
    world:step(0)
    assert.same({}, outcome.failures)
    assert.equal(2, #world.process.spawned)
    assert.equal(2, world.started.root.children.count)
  end)

  it("stays, and that is told, where it came meanwhile", function()
    reloads.tree(world, { "a", world:program("slow", { ready = { after = 0 } }) })
    local _, outcome = reloads.apply(world, { "a", program "by the script" })
    start()
    world.process.spawned[1]:dies(0)
    world:step(0)
    assert.equal("root/x", outcome.failures[1].path)
    assert.equal(2, #world.process.spawned)
    assert.equal(2, world.started.root.children.count)
  end)
end)

describe("a child that is removed while its group starts again", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function remove(backoff)
    local first = world:worker("first", { backoff = backoff })
    local gone = world:program("gone", { ready = { after = 0 } })
    local limits = { restarts = 9, within = 1 }
    reloads.tree(world, { strategy = "rest_for_one", intensity = limits, first, gone })
    world:step(1)
    local _, outcome = reloads.apply(world, { strategy = "rest_for_one", intensity = limits, first })
    world:crash "first"
    world.process.spawned[1]:dies(0)
    world:step(0)
    return outcome
  end

  local function is_removed(outcome)
    assert.same({}, outcome.failures)
    assert.equal(1, world.started.root.children.count)
    assert.equal(2, world:unit("first").generation)
  end

  it("is not started with it", function()
    local outcome = remove()
    world:step(1)
    is_removed(outcome)
    assert.equal(1, #world.process.spawned)
  end)

  it("is not started with it later", function()
    local outcome = remove { min = 1, max = 1 }
    world:step(3)
    is_removed(outcome)
    assert.equal(1, #world.process.spawned)
  end)
end)

describe("a child that is restarted by a change", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function program(name, command)
    return world:program(name, { command = { command }, ready = { after = 0 } })
  end

  -- Both end in the midst of it; `meanwhile` happens when the first is gone already.
  local function change(meanwhile)
    reloads.tree(world, { program("p", "old"), program("slow", "old") })
    local _, outcome = reloads.apply(world, { program("p", "new"), program("slow", "new") })
    world.process.spawned[1]:dies(0)
    world:step(0)
    meanwhile()
    world.process.spawned[2]:dies(0)
    world:step(1)
    assert.same({}, outcome.failures)
    return world:phase "p"
  end

  it("stays down where it is stopped by hand meanwhile, and is new at its next start", function()
    assert.equal("stopped", change(function() world:call("terminate_child", "root", "p") end))
    assert.equal("running", world:phase "slow")
    world:call("restart_child", "root", "p")
    world:step(0)
    assert.equal("new", world:unit("p").spec.command[1])
    assert.equal("new", world.process.spawned[#world.process.spawned].options.command[1])
  end)

  it("also before it has ended", function()
    reloads.tree(world, { program("p", "old") })
    reloads.apply(world, { program("p", "new") })
    world:call("terminate_child", "root", "p")
    world.process.spawned[1]:dies(0)
    world:step(1)
    assert.equal("stopped", world:phase "p")
  end)

  it("is new where it is started by hand meanwhile", function()
    assert.equal("running", change(function() world:call("restart_child", "root", "p") end))
    assert.equal("new", world.process.spawned[3].options.command[1])
    assert.equal(4, #world.process.spawned)
  end)

  it("runs where nobody does: the control arm", function()
    assert.equal("running", change(function() end))
    assert.equal("running", world:phase "slow")
  end)
end)

describe("a child that is to be restarted", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree(command)
    return { strategy = "one_for_all", intensity = { restarts = 9, within = 1 }, "crasher",
      world:program("p", { command = { command }, ready = { after = 0 } }) }
  end

  local function spawned()
    local list = {}
    for i, one in ipairs(world.process.spawned) do list[i] = one.options.command[1] end
    return table.concat(list, " ")
  end

  local function last() return world.process.spawned[#world.process.spawned] end

  it("runs what the new script says where its group starts meanwhile", function()
    reloads.tree(world, tree "old")
    local _, outcome = reloads.apply(world, tree "new")
    world:crash "crasher"
    last():dies(0)
    world:step(0)
    assert.same({ "old new", {}, "running" }, { spawned(), outcome.failures, world:phase "p" })
  end)

  it("runs what the new script says where somebody else has restarted it by the old one", function()
    reloads.tree(world, tree "old")
    rolling.restart(world:unit "p", dynamic.ignore)
    local _, outcome = reloads.apply(world, tree "new")
    last():dies(0)
    world:step(0)
    assert.equal("TERM", last().sent[1])
    last():dies(0)
    world:step(0)
    assert.same({ "old old new", {}, "running" }, { spawned(), outcome.failures, world:phase "p" })
  end)

  it("runs what the new script says where the one before was only to be taken with its next start", function()
    local function kept(text, way)
      return { world:worker("w", { args = { text }, on_change = way }) }
    end
    reloads.tree(world, kept("first", "keep"))
    reloads.apply(world, kept("second", "keep"))
    assert.equal("first", world:unit("w").instance.args[1])
    reloads.apply(world, kept("third", "restart"))
    assert.equal("third", world:unit("w").instance.args[1])
    reloads.apply(world, kept("fourth", "keep"))
    local keys = kept("fourth", "keep")
    keys[1].shutdown = 7
    reloads.apply(world, keys)
    assert.same({ "third", 7 }, { world:unit("w").instance.args[1], world:unit("w").spec.shutdown })
    world:crash "w"
    assert.same({ "fourth", 7 }, { world:unit("w").instance.args[1], world:unit("w").spec.shutdown })
  end)

  it("comes back once where nothing else happens: the control arm", function()
    reloads.tree(world, tree "old")
    reloads.apply(world, tree "new")
    last():dies(0)
    world:step(0)
    assert.same({ "old new", "running" }, { spawned(), world:phase "p" })
  end)

  it("starts with its group as the new script says once it is down", function()
    local function slow(command)
      local keys = tree(command)
      keys[3] = world:program("slow", { command = { command .. " slow" }, ready = { after = 0 } })
      return keys
    end
    reloads.tree(world, slow "old")
    reloads.apply(world, slow "new") -- the last one first
    world.process.spawned[2]:dies(0)
    world:crash "crasher"
    world.process.spawned[1]:dies(0)
    world:step(0)
    for _, one in ipairs(world.process.spawned) do
      if not one.ended then assert.truthy(one.options.command[1]:find "^new") end
    end
    assert.same({ "running", "running" }, { world:phase "p", world:phase "slow" })
  end)

  it("stays down where it is being stopped by hand, and takes what the new script says with its next start", function()
    reloads.tree(world, tree "old")
    local stopped
    dynamic.terminate_child(world:unit "root", "p", function(ok) stopped = ok end)
    local _, outcome = reloads.apply(world, tree "new")
    last():dies(0)
    world:step(1)
    assert.same({ true, {}, "old", "stopped" }, { stopped, outcome.failures, spawned(), world:phase "p" })
    world:call("restart_child", "root", "p")
    assert.equal("old new", spawned())
  end)
end)
