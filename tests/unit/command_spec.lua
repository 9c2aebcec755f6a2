-- SPDX-License-Identifier: Apache-2.0
-- Commands by hand.

local command = require "luvisor.machine.command"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local handle = require "luvisor.machine.handle"
local mirror = require "luvisor.machine.remote.mirror"
local worlds = require "world"

describe("a restart by hand", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function restart(kind)
    world:tree { world:worker("w", { restart = kind }), "x" }
    local outcome
    command.run(world.started, world:unit "w", "restart", { cause = "restart" }, function(one) outcome = one end)
    world:step(1)
    return outcome
  end

  it("starts any unit again, a temporary one too, in its place", function()
    for _, kind in ipairs { "permanent", "transient", "temporary" } do
      assert.is_true(restart(kind).ok, kind)
      assert.equal(2, world:unit("w").generation, kind)
      assert.equal("w", world:unit("root").children:all()[1].name, kind)
      world:close()
      world = worlds.new()
    end
  end)

  it("keeps no temporary unit that is only stopped: the control arm", function()
    world:tree { world:worker("w", { restart = "temporary" }), "x" }
    command.run(world.started, world:unit "w", "stop", { cause = "stop" }, function() end)
    world:step(1)
    assert.is_nil(world.started:find "w")
  end)
end)

describe("a start by hand", function()
  local world, stub

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local PACE = { min = 10, max = 10, factor = 1, jitter = 0 }

  -- A tree as its own guest: the host has seen `seen` of the worker when the start is asked for; what it then calls for
  -- is done to the worker as it is.
  local function start_elsewhere(seen, before)
    world:tree { world:worker("w", { backoff = PACE }), "x" }
    local truth, outcome = world:unit "w", nil
    local root = truth.parent
    local parent = setmetatable({ forward = function(_, _, name, _, reply, cause)
      stub.phase = "starting" -- as of a forwarded call
      dynamic[name](root, truth, function(...)
        stub.phase = truth.phase
        reply(...)
      end, cause)
    end }, { __index = root })
    stub = setmetatable({ phase = seen, parent = parent, home = true }, { __index = truth })
    before()
    command.run({ find = function() return stub end }, stub, "start", { cause = "start" }, function(one)
      outcome = one
    end)
    world:step(0)
    if not outcome then
      stub.phase = truth.phase
      world:step(0.5)
    end
    return outcome, truth
  end

  it("ends the wait of one that is to be started again, wherever it is", function()
    local outcome, truth = start_elsewhere("backoff", function() world:crash "w" end)
    assert.is_true(outcome.ok, outcome.message)
    assert.same({ "running", 2 }, { truth.phase, truth.generation })
  end)

  it("leaves one alone that has come back meanwhile", function()
    local outcome, truth = start_elsewhere("backoff", function() end)
    assert.is_true(outcome.ok, outcome.message)
    assert.same({ "running", 1 }, { truth.phase, truth.generation })
  end)

  it("is over when the unit is removed elsewhere, and not before", function()
    local root = world:tree({ "x" }).root
    local home = { env = world.env, parent = root, name = "g", generation = 1, phase = "running", path = root.path,
      spec = { kind = "supervisor", name = "g" } }
    root.children:add(home)
    local function tell(phase, removed)
      for _, names in ipairs { { "s" }, { "s", "p" } } do
        mirror.update(home, { { names = names, unit = names[2] and "program" or "supervisor", phase = phase,
          generation = 1, removed = removed } })
      end
    end
    tell "starting"
    local outcome
    command.observe(world.started, mirror.find(home, "root/g/s/p"), function(one) outcome = one end)
    world:step(10)
    assert.is_nil(outcome)
    tell("starting", true)
    world:step(1)
    assert.equal("FAILED", outcome.code)
    root.children:remove(home)
  end)

  it("is a restart by the script where no cause is given, which is refused: the control arm", function()
    world:tree { world:worker("w", { backoff = PACE }), "x" }
    world:crash "w"
    assert.same({ nil, "root/w is about to be started", "RESTARTING" },
      { world:call("restart_child", "root", world:unit "w") })
    handle.at(world.env, "root"):restart_child "w"
    world:step(0)
    assert.equal("backoff", world:unit("w").phase)
  end)
end)
