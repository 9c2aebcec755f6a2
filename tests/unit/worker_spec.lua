-- SPDX-License-Identifier: Apache-2.0

local workers = require "luvisor.worker"
local worlds = require "world"

describe("a worker", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("walks the default machine", function()
    world:tree { "a" }
    assert.equal("running", world:phase "a")
    world:stop()
    assert.same({
      "idle -> starting (start)", "starting -> running (run)", "running -> terminating (complete)",
      "terminating -> stopped (complete)",
    }, world:walk "a")
    assert.equal("shutdown", world.ended.kind)
    assert.equal("shutdown", world:events_of("exit", "a")[1].exit.kind)
  end)
  local _ = workers
end)
