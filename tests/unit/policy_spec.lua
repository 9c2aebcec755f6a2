-- SPDX-License-Identifier: Apache-2.0
-- What a running tree makes of restart policies; the policies themselves are in restart_spec.lua.

local luvisor = require "luvisor"
local worlds = require "world"

local restart = luvisor.restart

describe("a unit with a policy", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree_of(keys)
    world:tree { world:worker("a", keys), "b" }
  end

  it("is restarted after delays that grow, and start anew after a good run (3.14)", function()
    tree_of { backoff = { min = 1, max = 8, factor = 2, jitter = 0, reset_after = 60 } }
    local delays = {}
    for _ = 1, 5 do
      world:crash "a"
      local events = world:events_of("restart")
      delays[#delays + 1] = events[#events].delay
      world:step(10)
    end
    assert.same({ 1, 2, 4, 8, 8 }, delays)
    world:step(60)
    world:crash "a"
    local events = world:events_of("restart")
    assert.equal(1, events[#events].delay)
    assert.equal("running", world:phase "root")
  end)

  it("does not start before the delay is over", function()
    tree_of { backoff = { min = 1, jitter = 0 } }
    world:crash "a"
    world:step(0.9)
    assert.equal("backoff", world:phase "a")
    world:step(0.1)
    assert.equal("running", world:phase "a")
  end)

  it("can name its own delay, which wins over the pace", function()
    tree_of { backoff = { min = 1, jitter = 0 }, restart = function() return "restart", 7 end }
    world:crash "a"
    world:step(6.9)
    assert.equal("backoff", world:phase "a")
    world:step(0.1)
    assert.equal("running", world:phase "a")
  end)

  it("is told the exit, what went before, and the time", function()
    local asked = {}
    tree_of {
      restart = function(why, history, now)
        asked[#asked + 1] = { why.kind, #history, history[#history].exit == why, history[#history].ready, now }
        return "restart", 1
      end,
    }
    world:crash "a"
    world:step(1)
    world:crash "a"
    assert.same({ "error", 1, true, true }, { table.unpack(asked[1], 1, 4) })
    assert.same({ "error", 2, true, true }, { table.unpack(asked[2], 1, 4) })
    assert.is_true(math.abs(asked[2][5] - asked[1][5] - 1) < 1e-6)
  end)

  it("ends FATAL after the retries that it has, and its siblings go on (3.13)", function()
    tree_of { backoff = { min = 1, jitter = 0 }, restart = restart.retries(3) }
    world.scripts.a.on_start = "fail"
    world:crash "a"
    world:step(60)
    assert.equal("fatal", world:phase "a")
    assert.equal("running", world:phase "b")
    assert.equal(5, world.scripts.a.starts)
    assert.same({ "a: FATAL: error: refuses to start" }, { world:messages("error")[1] })
    assert.equal("error", world:events_of("fatal")[1].exit.kind)
  end)

  it("counts a missed heartbeat like any other failure (3.13)", function()
    tree_of { restart = function(_, history) return #history > 2 and "give_up" or "restart" end }
    for _ = 1, 3 do
      world.scripts.a:hang()
      world:step(2.1)
    end
    assert.equal("fatal", world:phase "a")
    assert.equal("heartbeat", world:unit("a").last_exit.deadline)
  end)

  it("forgets its failures when it is started by hand", function()
    tree_of { backoff = { min = 1, jitter = 0 }, restart = restart.retries(1) }
    world.scripts.a.on_start = "fail"
    world:crash "a"
    world:step(60)
    assert.equal("fatal", world:phase "a")
    world.scripts.a.on_start = "ok"
    world:call("restart_child", "root", "a")
    assert.is_nil(world:unit("a").history)
    world:crash "a"
    assert.equal("backoff", world:phase "a")
  end)

  it("stays down when it says stop, and counts as ended", function()
    tree_of { restart = function() return "stop" end }
    world:crash "a"
    assert.equal("done", world:phase "a")
    world:finish "b"
    assert.equal("normal", world.ended.kind)
  end)

  it("is restarted, with an error in the log, when it throws", function()
    tree_of { restart = function() error "oops" end }
    world:crash "a"
    assert.equal(2, (world:generations "a"))
    local said = world:messages("error")[1]
    assert.truthy(said:find("a: restart policy: ", 1, true))
    assert.truthy(said:find("oops", 1, true))
  end)

  it("is restarted, with an error in the log, when it answers rubbish", function()
    local answers = { { "retsart" }, { 7 }, { {} }, { "restart", -1 }, { "restart", "soon" }, { "stop", 3 },
      { "restart", 0 / 0 } }
    for _, answer in ipairs(answers) do
      world = worlds.new()
      tree_of { restart = function() return table.unpack(answer) end }
      world:crash "a"
      assert.equal("running", world:phase "a")
      assert.equal(2, (world:generations "a"))
      assert.truthy(world:messages("error")[1]:find("a: restart policy: policy returned", 1, true))
      world:close()
    end
    world = worlds.new()
  end)

  it("that has no opinion is restarted", function()
    tree_of { restart = function() end }
    world:crash "a"
    assert.equal(2, (world:generations "a"))
    assert.same({}, world:messages "error")
  end)

  it("counts a policy's immediate restarts for the intensity, and delayed ones not", function()
    tree_of { restart = function() return "restart", 0.001 end }
    for _ = 1, 10 do
      world:crash "a"
      world:step(0.01)
    end
    assert.equal("running", world:phase "root")
    world:close()
    world = worlds.new()
    tree_of { restart = function() return "restart" end }
    for _ = 1, 4 do world:crash "a" end
    assert.equal("error", world.ended.kind)
  end)

  it("cannot change a policy's mind by being stopped in backoff (3.2)", function()
    tree_of { backoff = { min = 1, jitter = 0 } }
    world:crash "a"
    world:call("terminate_child", "root", "a")
    world:step(100)
    assert.same({ "stopped", 1 }, { world:phase "a", world.scripts.a.starts })
  end)
end)

describe("a program with the policy of programs", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function newest()
    return world.process.spawned[#world.process.spawned]
  end

  it("is paced, and FATAL after three retries of a start that failed (spawn_error_retries_then_fatal)", function()
    world.process.failure = { "execve: No such file or directory: p", "ENOENT", "execve" }
    world:tree { world:program "p", "a" }
    world:step(30)
    assert.equal("fatal", world:phase "p")
    assert.equal("running", world:phase "a")
    assert.equal("FATAL: execve: No such file or directory: p", (world:messages("error")[1]:gsub("^p: ", "")))
    assert.equal(4, world:unit("p").generation)
  end)

  it("is FATAL at once where no retry can help, and retried for ever where the machine is short of something (3.19)",
    function()
      world.process.failure = { "execve: Permission denied: p", "EACCES", "execve" }
      world:tree { world:program "p", "a" }
      assert.equal("fatal", world:phase "p")
      world:close()
      world = worlds.new()
      world.process.failure = { "clone: Resource temporarily unavailable", "EAGAIN", "clone" }
      world:tree { world:program "p", "a" }
      world:step(600)
      assert.equal("backoff", world:phase "p")
      world.process.failure = nil
      world:step(40)
      assert.equal("running", world:phase "p")
    end)

  it("is restarted without end once it has been ready, at a growing pace (3.14)", function()
    world:tree { world:program("p", { backoff = { min = 1, max = 8, jitter = 0 } }) }
    local delays = {}
    for _ = 1, 6 do
      world:step(1.5)
      newest():dies(1)
      world:step(0)
      local events = world:events_of("restart")
      delays[#delays + 1] = events[#events].delay
      world:step(delays[#delays])
    end
    assert.same({ 1, 2, 4, 8, 8, 8 }, delays)
    assert.equal("starting", world:phase "p")
  end)

  it("is not started again before everyone of it is gone (3.6)", function()
    world:tree { world:program("p", { backoff = { min = 0.1, jitter = 0 } }) }
    world:step(1.5)
    local first = newest()
    first:ends(1)
    world:step(5)
    assert.equal(1, #world.process.spawned)
    first:empties()
    world:step(1)
    assert.equal(2, #world.process.spawned)
  end)
end)
