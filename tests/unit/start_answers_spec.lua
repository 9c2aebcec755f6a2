-- SPDX-License-Identifier: Apache-2.0
-- Whoever asks for a start hears what came of it, once, whatever else happens to the child meanwhile.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local worlds = require "world"

local OFTEN = { restarts = 9, within = 1 }

describe("a start that was asked for is answered", function()
  local world, replies

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function ask(supervisor, name, keys)
    local spec = world:adopt(world:worker(name, keys), supervisor)
    local mine = {}
    dynamic.start_child(world:unit(supervisor), spec, function(one, _, code) mine[#mine + 1] = one or code end)
    replies = mine
    return world.scripts[name]
  end

  local function add_deaf(supervisor)
    ask(supervisor, "deaf").ignores_stop = true
    world:step(0)
  end

  local function fail_late(self)
    self:sleep(0.5)
    error("too late", 0)
  end

  it("when the child waits for another one and is terminated", function()
    world:tree { world:worker("b", { autostart = false }) }
    ask("root", "c", { after = { b = "ready" } })
    assert.equal("waiting", world:phase "c")
    world:call("terminate_child", "root", "c")
    assert.same({ "STOPPED" }, replies)
  end)

  it("when it waits, and its supervisor ends", function()
    world:tree { "a", world:supervisor("s", { world:worker("b", { autostart = false }), "d" }) }
    ask("s", "c", { after = { b = "ready" } })
    world:call("terminate_child", "root", "s")
    assert.same({ "STOPPED" }, replies)
  end)

  it("when it waits, and what it waits for comes: the control arm", function()
    world:tree { world:worker("b", { autostart = false }) }
    ask("root", "c", { after = { b = "ready" } })
    world:call("restart_child", "root", "b")
    assert.same({ world:unit "c" }, replies)
  end)

  it("when it ends by itself while its supervisor ends", function()
    world:tree { "a", world:supervisor("s", { "b" }) }
    add_deaf "s"
    world:unit("s").children:arrange { "b" }
    ask("s", "c").on_start = fail_late
    world:unit("s").children:arrange { "b", "c", "deaf" } -- which is stopped first
    dynamic.terminate_child(world:unit "root", "s", dynamic.ignore)
    world:step(10)
    assert.same({ "STOPPED" }, replies)
  end)

  it("when it ends by itself while its group is stopped, and is not to come back", function()
    world:tree { strategy = "one_for_all", intensity = OFTEN, "a" }
    ask("root", "c", { restart = "temporary" }).on_start = fail_late
    local mine = replies -- the next start has others
    add_deaf "root"
    world:crash "a"
    world:step(10)
    assert.same({ "STOPPED" }, mine)
  end)

  -- What starts again with its group is as any other child: nobody would hear of a failure.
  it("and forgotten when its group goes: it is restarted as the others", function()
    world:tree { strategy = "one_for_all", intensity = OFTEN, "a" }
    local c = ask("root", "c")
    c.on_start = "slow"
    world:crash "a"
    world:step(1.5)
    assert.same({ "STOPPED" }, replies)
    c.on_start = function(self)
      c.on_start = "ok"
      fail_late(self)
    end
    world:crash "a"
    world:step(5)
    assert.equal("running", world:phase "c")
  end)
end)
