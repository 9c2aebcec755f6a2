-- SPDX-License-Identifier: Apache-2.0
-- What the short way (see short_way_spec.lua) finds by itself: the handlers of requests, and the methods of workers.
local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local NAMES = 60 -- more than are known by numbers

local function server()
  local definition = worker.define()
  definition:actor("starting", function(self)
    self.seen = {}
    return "run"
  end)
  for i = 1, NAMES do
    definition:cast("put" .. i, function(self, what)
      table.insert(self.seen, i .. ":" .. tostring(type(what) == "table" and what[1] or what))
    end)
    definition:call("ask" .. i, function(_, what) return what, i end)
  end
  definition:call("seen", function(self) return table.concat(self.seen, " ") end)
  return definition
end

describe("the short way", function()
  local world, talk

  before_each(function()
    world = worlds.new()
    talk = talkers.new(world, { server = server(), other = server() }, "a", "b")
  end)

  after_each(function() world:close() end)

  local VALUES = { 1, 2.5, true, "x", { "t" } }

  it("finds each handler, however many there are, whatever comes with its name", function()
    local expected = {}
    local seen = talk:run("a", function(self)
      for _, what in ipairs(VALUES) do
        for i = 1, NAMES do
          assert(self:cast("server", "put" .. i, what))
          expected[#expected + 1] = i .. ":" .. (type(what) == "table" and "t" or tostring(what))
        end
      end
      return self:call("server", "seen")
    end)
    assert.equal(table.concat(expected, " "), seen)
  end)

  it("answers calls of them", function()
    talk:run("a", function(self)
      for _, what in ipairs(VALUES) do
        for i = 1, NAMES do assert.same({ what, i }, { self:call("server", "ask" .. i, what) }) end
      end
    end)
  end)

  it("casts to whom the target means now, again and again", function()
    local function cast(target, name) return talk:run("a", function(self) return self:cast(target, name, 1) end) end
    local function seen(of) return talk:run("b", function(self) return self:call(of, "seen") end) end
    for i = 1, 3 do cast("server", "put" .. i) end
    world.env.registry:register("boss", world:unit "other")
    for _ = 1, 3 do cast("boss", "put1") end
    luvisor.unregister "boss"
    world.env.registry:register("boss", world:unit "server")
    for _ = 1, 2 do cast("boss", "put2") end
    luvisor.unregister "boss"
    assert.is_nil(cast("boss", "put3"))
    for _ = 1, 2 do
      cast("server", "put4")
      cast("other", "put5")
    end
    assert.equal("1:1 2:1 3:1 2:1 2:1 4:1 4:1", seen "server")
    assert.equal("1:1 1:1 1:1 5:1 5:1", seen "other")
  end)

  it("casts to the next generation, and to none while there is none", function()
    local function cast() return talk:run("a", function(self) return self:cast("server", "put1", 1) end) end
    for _ = 1, 3 do assert.is_true(cast()) end
    world:unit("server"):fail(exit.new { kind = "error", message = "shot" })
    world:step(2)
    for _ = 1, 3 do assert.is_true(cast()) end
    assert.equal("1:1 1:1 1:1", talk:run("b", function(self) return self:call("server", "seen") end))
    assert.is_true(world:call("terminate_child", "root", "server"))
    world:step(2)
    assert.is_nil(cast())
  end)

  it("leaves the fields of workers as they are", function()
    talk:run("a", function(self) return self:call("server", "seen") end)
    local found, ok, message = talk:run("a", function(self)
      return { self.stopping, self.nothing == nil, self[1] == nil, self.path, self.name },
        pcall(function() self.cast = 1 end)
    end)
    assert.same({ false, true, true, "root/a", "a" }, found)
    assert.is_false(ok)
    assert.matches("self%.cast cannot be set", message)
  end)

  it("leaves the end of a worker to be seen", function()
    local job = talk:start("b", function(self)
      self:call("server", "seen")
      self:sleep(100)
      return self.stopping
    end)
    world:unit("b"):stop()
    world:step(1)
    assert.is_true(job.out[1])
  end)
end)
