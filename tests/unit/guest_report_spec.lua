-- SPDX-License-Identifier: Apache-2.0
-- What a guest tells of its units: the host's picture of them is the tree that there is.

local branch = require "luvisor.machine.branch"
local chronicle = require "luvisor.machine.chronicle"
local mirror = require "luvisor.machine.remote.mirror"
local worlds = require "world"

describe("what a guest tells of its units", function()
  local world, seen, removed

  before_each(function()
    world, seen, removed = worlds.new(), {}, 0
  end)
  after_each(function() world:close() end)

  -- As a host would keep it: what is removed takes along what is below it.
  local function take(change)
    local path = table.concat(change.names, "/")
    if not change.removed then
      seen[path] = change.phase
      return
    end
    removed = removed + 1
    for one in pairs(seen) do
      if one == path or one:sub(1, #path + 1) == path .. "/" then seen[one] = nil end
    end
  end

  local function listen()
    package.loaded["luvisor.edge.guest.report"] = nil -- there is one in a runtime
    local report = require "luvisor.edge.guest.report"
    report.begin(world.env, world.started.root, { send = function(_, frame)
      for _, change in ipairs(frame[1] == "units" and frame[2] or {}) do take(change) end
      return true
    end }, {})
  end

  local function check()
    world:step(0.05)
    local present = {}
    branch.walk(world.started.root, "", function(one, path)
      present[path:gsub("^/", "")] = one.phase
    end)
    assert.same(present, seen)
  end

  local function begin(...)
    world:load { intensity = { restarts = 99, within = 1 },
      world:supervisor("s", { intensity = { restarts = 0, within = 1 }, "crasher", ... }) }
    listen()
    world.started:start()
    check()
  end

  it("is what there is after a supervisor has started anew, whose children have the names of the old ones", function()
    begin("a", "b", "c", "d")
    for _ = 1, 20 do
      for _, name in ipairs { "a", "b", "c", "d" } do world.scripts[name].on_start = "slow" end
      world:crash "crasher"
      check()
      assert.equal(0, removed)
      world:step(2)
      check()
    end
  end)

  -- What the host's mirror makes of it.
  local function mirrored()
    package.loaded["luvisor.edge.guest.report"] = nil
    local report = require "luvisor.edge.guest.report"
    local root = world.started.root
    local home = { env = { now = world.env.now, tree = { changed = function() end } }, name = "h",
      spec = root.spec, path = function() return root:path() end }
    report.begin(world.env, root, { send = function(_, frame)
      if frame[1] == "units" then mirror.update(home, frame[2]) end
      if frame[1] == "note" then mirror.note(home, table.unpack(frame, 2)) end
      return true
    end }, {})
    return home
  end

  local function names(one)
    local list = {}
    for i, child in ipairs(branch.children(one)) do list[i] = child.name end
    return table.concat(list, " ")
  end

  it("has siblings in the order that a reload has given them", function()
    world:load { "a", "b", "c", "d", "e" }
    local home = mirrored()
    world.started:start()
    world:step(0.05)
    assert.equal("a b c d e", names(home))
    world.started.root.children:arrange { "a", "d", "c", "b", "e" }
    for _, name in ipairs { "b", "c" } do world.env.mirrored(world:unit(name)) end -- a part of what has moved
    world:step(0.05)
    assert.equal("a c b d e", names(home))
    branch.walk(world.started.root, "", world.env.mirrored)
    world:step(0.05)
    assert.equal("a d c b e", names(home))
  end)

  it("has what happened to each, and what it waits for", function()
    world:load { "a", world:worker("b", { after = { a = "ready" }, restart = function() return "give_up" end }),
      world:worker("c", { after = { b = "done" } }) }
    local home = mirrored()
    world.started:start()
    world:step(0.05)
    local b, c = branch.find(home, "b"), branch.find(home, "c")
    assert.equal("waits", chronicle.read(b)[1].kind)
    assert.equal("waits for b to be done", c.reason)
    assert.equal(world:unit("b"):path(), c.blocker)
    world:crash "b"
    world:step(0.05)
    assert.equal("give_up", chronicle.last(b, "ended")[2])
    assert.truthy(c.reason:find("which is FATAL", 1, true))
    world:call("terminate_child", world.started.root:path(), "a")
    world:step(0.05)
    assert.truthy(chronicle.last(branch.find(home, "a"), "stopped"))
    assert.is_nil(chronicle.last(branch.find(home, "a"), "ended"))
  end)

  local function give_up() return "give_up" end

  it("is what there is of those who are down and come to stay so, of which nothing else tells", function()
    local backoff = { min = 10, max = 10, factor = 1, jitter = 0 }
    begin(world:worker("paced", { backoff = backoff }), world:worker("fatal", { restart = give_up }),
      world:worker("late", { backoff = backoff, after = { fatal = "ready" } }),
      world:supervisor("deep", { world:worker("below", { backoff = backoff }), "b" }))
    for _, name in ipairs { "paced", "fatal", "late", "below" } do world:crash(name) end
    check()
    world:step(5)
    assert.same({ "backoff", "fatal", "backoff" }, { seen["s/paced"], seen["s/fatal"], seen["s/late"] })
    for _, name in ipairs { "paced", "fatal", "deep" } do
      assert.is_true(world:call("terminate_child", "s", name))
      check()
    end
    assert.same({ "stopped", "stopped", "stopped" }, { seen["s/paced"], seen["s/fatal"], seen["s/deep/below"] })
    world:step(10)
    check()
    assert.equal("waiting", seen["s/late"])
  end)

  it("has nothing left of children that were not restored", function()
    begin "a"
    world:call("start_child", "s", world:adopt(world:worker "extra", "s"))
    world:call("start_child", "s", world:adopt(world:worker "gone", "s"))
    world:call("terminate_child", "s", "gone")
    check()
    world:crash "crasher"
    check()
    assert.is_nil(seen["s/gone"])
  end)
end)
