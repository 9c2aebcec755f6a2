-- SPDX-License-Identifier: Apache-2.0
-- Restarts by hand: of one unit, and of counted programs one after the other.

local rolling = require "luvisor.machine.supervisor.rolling"
local worlds = require "world"

describe("a restart by hand", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function web(keys)
    keys = keys or {}
    keys.count, keys.ready = 3, keys.ready or { after = 1 }
    world:tree { world:program("web", keys), world:program "other" }
    world:step(1)
  end

  local function child(number) return world.process.spawned[number] end

  local function ask(call, ...)
    local said = {}
    local arguments = table.pack(...)
    arguments[arguments.n + 1] = function(...) table.insert(said, table.pack(...)) end
    call(table.unpack(arguments, 1, arguments.n + 1))
    world:step(0)
    return said
  end

  local function roll(name) return ask(rolling.run, world.started.root, name) end

  it("takes the instances in turn, the next when the one before is ready", function()
    web()
    local said = roll "web"
    for i = 1, 3 do
      assert.same({ "TERM", "CONT" }, child(i).sent)
      if i < 3 then assert.same({}, child(i + 1).sent) end
      child(i):dies(nil, 15)
      world:step(0.9)
      assert.equal(4 + i, #world.process.spawned)
      if i < 3 then assert.same({}, child(i + 1).sent) end
      assert.equal(0, #said)
      world:step(0.1)
    end
    assert.same({ { 3, n = 1 } }, said)
    assert.same({}, child(4).sent)
    assert.equal("running", world:phase "web:2")
  end)

  it("stops at the first that fails, and leaves the rest", function()
    web()
    local said = roll "web"
    child(1):dies(nil, 15)
    world:step(0)
    child(5):dies(1)
    world:step(0)
    assert.same("root/web:0 failed to start: exit 1; 0 of 3 restarted, the rest is left as it was", said[1][2])
    assert.equal("START_FAILED", said[1][3])
    world:step(0.2)
    assert.same({ "starting", "running", "running" },
      { world:phase "web:0", world:phase "web:1", world:phase "web:2" })
    assert.same({}, child(2).sent)
  end)

  it("leaves those alone that were stopped, and refuses a second one meanwhile", function()
    web()
    world:call("terminate_child", "root", "web:0")
    child(1):dies(nil, 15)
    world:step(0)
    local said = roll "web"
    assert.same({ "TERM", "CONT" }, child(2).sent)
    assert.equal("BUSY", roll("web")[1][3])
    for i = 2, 3 do
      child(i):dies(nil, 15)
      world:step(1)
    end
    assert.same({ { 2, n = 1 } }, said)
    assert.equal("stopped", world:phase "web:0")
    assert.equal("NOT_FOUND", roll("nginx")[1][3])
  end)

  it("starts one that is down, and says what cannot be restarted", function()
    world:tree { world:program("web", { ready = { after = 0 } }), world:program("once", { restart = "temporary" }) }
    world:call("terminate_child", "root", "web")
    child(1):dies(nil, 15)
    world:step(0)
    assert.equal(world:unit "web", ask(rolling.restart, world:unit "web")[1][1])
    assert.equal("UNSUPPORTED", ask(rolling.restart, world:unit "once")[1][3])
    assert.equal("UNSUPPORTED", ask(rolling.restart, world.started.root)[1][3])
  end)

  it("is offered by handles", function()
    web()
    local luvisor = require "luvisor"
    assert.is_true(luvisor.find("root"):rolling_restart "web")
    assert.is_true(luvisor.find("other"):restart())
    world:step(0)
    assert.same({ { "TERM", "CONT" }, { "TERM", "CONT" } }, { child(1).sent, child(4).sent })
    assert.same({ nil, "root is not a program", "UNSUPPORTED" }, { luvisor.find("root"):reload() })
  end)
end)
