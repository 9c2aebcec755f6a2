-- SPDX-License-Identifier: Apache-2.0
-- Changes of units that run in guests, with guests that are not there.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local reloads = require "reloads"
local worlds = require "world"

describe("a change of a unit in a guest", function()
  local world, guests

  before_each(function()
    world, guests = worlds.new(), {}
    world.env.settings = { load_timeout = 1, change_timeout = 20, heartbeat = 1 }
    world.env.guests = {
      open = function(one, events)
        local guest = { spec = one.spec, events = events, sent = {} }
        function guest:send(frame)
          self.sent[#self.sent + 1] = frame[1]
          if frame[1] == "kill" then world.env.post(events.ended, { kind = "killed" }) end
          return true
        end
        function guest.destroy() end
        guests[#guests + 1] = guest
        return guest
      end,
      order = function() return {} end,
    }
  end)
  after_each(function() world:close() end)

  local function subtree(version)
    return { intensity = { restarts = 9, within = 1 },
      world:supervisor("w", { executor = "process", intensity = { restarts = version }, world:worker "a" }) }
  end

  local function tree(version)
    return { intensity = { restarts = 9, within = 1 },
      world:worker("w", { executor = "process", args = { version = version }, on_change = "upgrade",
        restart = "permanent" }) }
  end

  local function begin(make)
    make = make or tree
    reloads.tree(world, make(1))
    guests[1].events.frame { "ready" }
    world:step(0)
    local _, outcome = reloads.apply(world, make(2))
    assert.same({ "call" }, guests[1].sent)
    assert.is_nil(outcome.failures)
    return outcome
  end

  it("is part of the next start where the guest ends before it has followed", function()
    local outcome = begin()
    guests[1].events.ended { kind = "signal", signal = 9 }
    world:step(1)
    assert.same({}, outcome.failures)
    assert.equal(2, guests[2].spec.args.version)
    assert.equal(2, world:unit("w").spec.args.version)
  end)

  it("is not where the guest has refused it: the control arm", function()
    local outcome = begin()
    guests[1].events.frame(table.pack("reply", 1, nil, "it does not load"))
    world:step(1)
    assert.equal("it does not load", outcome.failures[1].message)
    guests[1].events.ended { kind = "signal", signal = 9 }
    world:step(1)
    assert.equal(1, guests[2].spec.args.version)
  end)

  it("does not end the time of a stop that is under way", function()
    for _, shutdown in ipairs { 1, "infinity" } do
      reloads.tree(world, { world:worker("w", { executor = "process", shutdown = 1 }) })
      local guest = guests[#guests]
      guest.events.frame { "ready" }
      world:step(0)
      dynamic.terminate_child(world:unit "root", "w", dynamic.ignore)
      reloads.apply(world, { world:worker("w", { executor = "process", shutdown = shutdown }) })
      assert.equal(shutdown, world:unit("w").spec.shutdown)
      world:step(4)
      assert.equal("kill", guest.sent[#guest.sent], tostring(shutdown))
      assert.equal("killed: did not stop within 1 s", tostring(world:unit("w").last_exit))
    end
  end)

  it("is decided where the guest does not answer: it is started anew with the new code, and why says so", function()
    local outcome = begin()
    world:step(20)
    assert.is_nil(outcome.failures)
    assert.equal(1, #guests)
    world:step(2)
    local message = "its runtime does not answer a change within 21 s"
    assert.equal(message .. "; it is started anew with what it was to become", outcome.failures[1].message)
    assert.equal("kill", guests[1].sent[#guests[1].sent])
    assert.equal(2, guests[2].spec.args.version)
    assert.equal(2, world:unit("w").spec.args.version)
    assert.truthy(tostring(world:unit("w").last_exit):find(message, 1, true))
    guests[1].events.frame(table.pack("reply", 1, nil, "too late"))
    world:step(1)
    assert.equal(2, #guests)
  end)

  it("is not where it answers in time: the control arm", function()
    local outcome = begin()
    world:step(20)
    guests[1].events.frame(table.pack("reply", 1, true))
    world:step(5)
    assert.same({}, outcome.failures)
    assert.equal(1, #guests)
    assert.equal(2, world:unit("w").spec.args.version)
  end)

  it("of a tree is decided, too, where the guest has fallen silent", function()
    local outcome = begin(subtree)
    world:step(22)
    assert.truthy(outcome.failures[1].message:find("does not answer a change within 21 s", 1, true))
    assert.equal(2, guests[2].spec.intensity.restarts)
    assert.truthy(tostring(world:unit("w").last_exit):find("does not answer a change", 1, true))
  end)

  it("of a tree is not where it says that it is still at it: the control arm", function()
    local outcome = begin(subtree)
    for _ = 1, 20 do
      world:step(20)
      guests[1].events.frame { "following" }
    end
    assert.is_nil(outcome.failures)
    guests[1].events.frame(table.pack("reply", 1, true))
    world:step(30)
    assert.same({}, outcome.failures)
    assert.equal(1, #guests)
  end)

  it("of a worker has one limit, whatever its guest says", function()
    local outcome = begin()
    for _ = 1, 2 do
      world:step(11)
      guests[1].events.frame { "following" }
    end
    assert.truthy(outcome.failures[1].message:find("does not answer a change within 21 s", 1, true))
  end)
end)
