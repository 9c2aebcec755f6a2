-- SPDX-License-Identifier: Apache-2.0
-- What a guest with one worker says when that is ready, with a guest that is not there.

local worlds = require "world"

describe("a worker in a guest that is ready", function()
  local world, guest

  local function start()
    world:tree { world:worker("w", { executor = "process" }) }
    world:step(0)
  end

  local function say(...)
    guest.events.frame(table.pack(...))
    world:step(0)
  end

  before_each(function()
    world = worlds.new()
    world.env.settings = { heartbeat = 1 }
    world.env.guests = {
      open = function(_, events)
        guest = { events = events, destroy = function() end }
        function guest.send(_, frame)
          if frame[1] == "kill" then world.env.post(events.ended, { kind = "normal" }) end
          return true
        end
        return guest
      end,
    }
  end)
  after_each(function() world:close() end)

  it("is shown in the state that it has come to, and its way there is told", function()
    start()
    say("ready", "running", { "idle", "start", "starting", "run", "running" })
    local one = world:unit "w"
    assert.equal("running", one.phase)
    assert.equal("running", (one:describe()))
    assert.same({ "idle -> starting (start)", "starting -> running (run)" }, world:walk "w")
    assert.equal(1, world:events_of("transition", "w")[2].generation)
  end)

  it("has no way where that was told as it came: the control arm", function()
    start()
    say("ready", "working")
    assert.equal("working", (world:unit("w"):describe()))
    assert.same({}, world:walk "w")
  end)

  it("has no state to show where that is told otherwise", function()
    start()
    say "ready"
    assert.equal("running", world:unit("w").phase)
    assert.equal("running", (world:unit("w"):describe()))
  end)
end)
