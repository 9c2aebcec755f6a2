-- SPDX-License-Identifier: Apache-2.0

local luvisor = require "luvisor"
local worlds = require "world"

describe("a tree", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function grow()
    world:tree { name = "etl", "poller", world:supervisor("api", { "web", world:supervisor("db", { "reader" }) }),
      world:supervisor("old", { world:worker("web") }),
      world:supervisor("pool", { strategy = "simple_one_for_one", template = world:worker "w" }) }
  end

  it("finds a unit by its path, with or without the root's name", function()
    grow()
    for _, path in ipairs { "etl/api/db/reader", "api/db/reader" } do
      assert.equal("etl/api/db/reader", world:unit(path):path())
    end
    assert.equal(world.started.root, world:unit "etl")
  end)

  it("finds it by its last part, where there is one of it", function()
    grow()
    assert.equal("etl/api/db/reader", world:unit("reader"):path())
    local none, message, code = world.started:find "web"
    assert.is_nil(none)
    assert.equal("web is ambiguous: etl/api/web, etl/old/web", message)
    assert.equal("AMBIGUOUS", code)
  end)

  it("finds the child of a pool by its number", function()
    grow()
    world:call("start_child", "pool")
    local second = world:call("start_child", "pool")
    assert.equal(second, world:unit "pool/2")
    assert.equal("etl/pool/2", second:path())
  end)

  it("says what it does not have", function()
    grow()
    for path, message in pairs { nobody = "no unit nobody", ["api/nobody"] = "no unit api/nobody",
      ["etl/x/y/z"] = "no unit etl/x/y/z", [""] = "no unit of an empty name" } do
      assert.same({ nil, message, "NOT_FOUND" }, { world.started:find(path) })
    end
  end)

  it("says which unit may have been meant", function()
    grow()
    local _, message = world.started:find "wbe"
    assert.equal('no unit wbe, did you mean "web"?', message)
    _, message = world.started:find "etl/api/wbe"
    assert.equal('no unit etl/api/wbe, did you mean "etl/api/web"?', message)
  end)

  it("survives odd names (3.57)", function()
    grow()
    for _, path in ipairs { "/", "//", "etl//", "../etl", "__index", "etl/__index", "%a+", "children", "\0",
      "etl/1.5" } do
      local ok, found = pcall(world.started.find, world.started, path)
      assert.is_true(ok)
      assert.is_true(found == nil or found.spec ~= nil)
    end
  end)

  it("is what luvisor.find looks in", function()
    assert.equal("NOT_RUNNING", (select(3, luvisor.find "x")))
    grow()
    assert.equal("etl/poller", luvisor.find("poller").path)
    assert.equal("NOT_FOUND", (select(3, luvisor.find "x")))
    local info = luvisor.find("poller"):info()
    assert.same({ "etl/poller", "worker", "running", "running", 1, 0 },
      { info.path, info.kind, info.phase, info.state, info.generation, info.restarts })
  end)

  it("says once that it has ended, however often it is told to", function()
    grow()
    local ends, on_end = 0, world.started.on_end
    world.started.on_end = function(why)
      ends = ends + 1
      on_end(why)
    end
    for _ = 1, 2 do
      world:stop(10)
      world.started:kill()
      world:step(1)
    end
    assert.equal(1, ends)
  end)

  it("describes its units for people", function()
    grow()
    assert.same({ "running", "running" }, { world:unit("poller"):describe(), world:unit("api"):describe() })
    world:finish "poller"
    assert.equal("done", world:unit("poller"):describe())
  end)
end)
