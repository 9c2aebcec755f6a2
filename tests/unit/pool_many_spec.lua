-- SPDX-License-Identifier: Apache-2.0
-- A pool with very many children (simple_one_for_one_scale_many_temporary_children, with a hundred thousand).

local dynamic = require "luvisor.machine.supervisor.dynamic"
local luvisor = require "luvisor"
local task = require "host.task"
local worker = require "luvisor.worker"
local worlds = require "world"

local MANY, SPOKEN_TO = 100000, 1000

describe("a pool of a hundred thousand", function()
  local world

  after_each(function() world:close() end)

  it("starts them, lets them be spoken to, refuses one more, and lets them go", function()
    world = worlds.new { quiet = true }
    local echo = worker.define()
    echo:call("number", function(self) return self.args.number end)
    world:tree { strategy = "simple_one_for_one", max_children = MANY,
      template = luvisor.worker { name = "w", module = echo, restart = "temporary" } }
    local pool, units = world:unit "root", {}
    for number = 1, MANY do
      dynamic.start_child(pool, { number = number }, function(unit) units[number] = unit end)
    end
    world:step(1)
    assert.equal(MANY, dynamic.count_children(pool).active)
    assert.equal("MAX_CHILDREN", select(3, world:call("start_child", "root", {})))

    local answers = 0
    for i = 1, SPOKEN_TO do
      local number = i * (MANY // SPOKEN_TO)
      luvisor.call(luvisor.find("root/" .. number), "number", function(answer)
        if answer == number then answers = answers + 1 end
      end)
    end
    world:step(1)
    assert.equal(SPOKEN_TO, answers)

    local gone = 0
    for number = 1, MANY // 2 do
      dynamic.terminate_child(pool, units[number], function(ok) gone = gone + (ok and 1 or 0) end)
    end
    world:step(1)
    assert.same({ MANY // 2, MANY - MANY // 2 }, { gone, dynamic.count_children(pool).specs })
    assert.same(true, world:call("start_child", "root", { number = 0 }) ~= nil) -- there is room again
    world:stop(10)
    assert.same({ "shutdown", 0 }, { world.ended.kind, task.count() })
  end)
end)
