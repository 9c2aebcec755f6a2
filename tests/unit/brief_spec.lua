-- SPDX-License-Identifier: Apache-2.0

local brief = require "luvisor.core.brief"
local inspect = require "luvisor.machine.inspect"
local worlds = require "world"

local function pack(about, name)
  return brief.pack(about.depth, name, about.state, about.running, about.ready, about.pid, about.uptime, about.restarts,
    about.why, about.drift, about.omitted, about.children)
end

describe("a row in place of a record", function()
  it("says the same of a unit that runs", function()
    local about = { depth = 1, name = "p", state = "RUNNING", running = true, ready = true, pid = 7, uptime = 1.5,
      restarts = 0, kind = "program" }
    local row = pack(about, "p")
    assert.same({ 1, "p", "RUNNING", true, true, 7, 1500, 0 }, row)
    about.kind, about.path = nil, "p"
    assert.same(about, brief.unpack(row))
  end)

  it("and of one that is down, and says why", function()
    local about = { depth = 0, name = "p", state = "FATAL", running = false, ready = false, restarts = 3,
      why = "exit 1", omitted = 4, children = 5 }
    local row = pack(about, "top/p")
    assert.equal("top/p", row[2])
    about.name, about.path = "top/p", "top/p"
    assert.same(about, brief.unpack(row))
  end)

  it("is made of a unit without a record between, and says what that would", function()
    local world = worlds.new()
    finally(function() world:close() end)
    world:tree { "a", world:worker("b", { autostart = false }) }
    world:step(1)
    local root = world:unit("a").parent
    for _, unit in ipairs { root, world:unit "a", world:unit "b" } do
      local path = unit:path()
      local about, row = inspect.unit(unit), brief.unpack(inspect.row(unit, path, path, 2, 3))
      for _, key in ipairs { "path", "state", "running", "ready", "pid", "restarts", "why", "drift" } do
        assert.equal(about[key], row[key], path .. ": " .. key)
      end
      assert.same({ 2, 3, unit.children and 2 or nil }, { row.depth, row.omitted, row.children })
    end
  end)
end)
