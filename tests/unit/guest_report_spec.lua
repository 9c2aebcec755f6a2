-- SPDX-License-Identifier: Apache-2.0
-- What a guest tells of its units: the host's picture of them is the tree that there is.

local branch = require "luvisor.machine.branch"
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
