-- SPDX-License-Identifier: Apache-2.0
-- luvisor.on. Names in brackets are those of the Runsmith case.

local luvisor = require "luvisor"
local script = require "luvisor.edge.script"
local worlds = require "world"

describe("luvisor.on", function()
  local world

  before_each(function() world = worlds.new { quiet = true } end)
  after_each(function() world:close() end)

  local function collect(kind)
    local list = {}
    luvisor.on(kind, function(event) list[#list + 1] = event end)
    return list
  end

  it("tells every event of a kind, in order (async_supervisor_dispatches_callback_for_each_activity)", function()
    world:load { "a" }
    local heard = collect "transition"
    world.started:start()
    world:step(0)
    local walks = {}
    for _, event in ipairs(heard) do
      if event.unit == "root/a" then walks[#walks + 1] = ("%s -> %s (%s)"):format(event.from, event.to, event.event) end
    end
    assert.same({ "idle -> starting (start)", "starting -> running (run)" }, walks)
  end)

  it("says what, who, when and which generation", function()
    world:load { "a" }
    local heard = {}
    for _, kind in ipairs(script.kinds) do heard[kind] = collect(kind) end
    world.started:start()
    world:step(0)
    world:crash "a"
    local event = heard.exit[1]
    assert.same({ "exit", "root/a", 1, "error", world.env.now() },
      { event.kind, event.unit, event.generation, event.exit.kind, event.at })
    assert.equal(luvisor.find "a", event.handle)
    assert.same({ 1, "error" }, { heard.restart[1].restarts, heard.restart[1].exit.kind })
    assert.same({ 1, 2 }, { #heard.restart, #heard.ready - 1 })
    world:stop()
    assert.same({ "root", "root/a" }, { heard.stop[1].unit, heard.stop[2].unit })
  end)

  it("tells heartbeats only where somebody listens", function()
    world:tree { "a" }
    world:step(3)
    local beats = collect "heartbeat"
    world:step(3)
    assert.equal(3, #beats)
    assert.same({ "heartbeat", "root/a", "running" }, { beats[1].kind, beats[1].unit, beats[1].state })
  end)

  it("tells fatal and give_up", function()
    world:tree { world:worker("f", { restart = function() return "give_up" end }), "a",
      intensity = { restarts = 0, within = 1 } }
    local fatal, gave_up = collect "fatal", collect "give_up"
    world:crash "f"
    world:crash "a"
    assert.same({ "root/f", "root" }, { fatal[1].unit, gave_up[1].unit })
  end)

  it("tells the delay of a paced restart", function()
    world:tree { world:worker("a", { backoff = { min = 3, jitter = 0 } }) }
    local restarts = collect "restart"
    world:crash "a"
    assert.equal(3, restarts[1].delay)
  end)

  it("keeps a subscriber that throws from harming anybody", function()
    world = (world:close() or true) and worlds.new()
    world:tree { "a", "b" }
    luvisor.on("exit", function() error "subscriber broke" end)
    local after = collect "exit"
    world:crash "a"
    world:crash "a"
    assert.equal(2, #after)
    assert.equal("running", world:phase "a")
    local said = table.concat(world:messages "error", "\n")
    assert.truthy(said:find("a: subscriber of exit: ", 1, true))
    assert.truthy(said:find("subscriber broke", 1, true))
  end)

  it("lets a subscriber act on the tree", function()
    world:tree { "a", "b" }
    luvisor.on("exit", function(event)
      if event.unit == "root/a" then luvisor.find("root"):terminate_child "b" end
    end)
    world:crash "a"
    assert.equal("stopped", world:phase "b")
  end)

  it("refuses what is no event or no function", function()
    world:tree { "a" }
    assert.error_matches(function() luvisor.on("exti", print) end, 'unknown event "exti", did you mean "exit"')
    assert.error_matches(function() luvisor.on("exit", 7) end, "expected a function, got number")
    assert.error_matches(function() luvisor.on(nil, print) end, "unknown event")
  end)

  it("refuses when there is neither a script nor a tree", function()
    assert.error_matches(function() luvisor.on("exit", print) end, "no tree runs")
  end)
end)
