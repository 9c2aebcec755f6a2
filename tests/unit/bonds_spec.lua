-- SPDX-License-Identifier: Apache-2.0
-- Monitors, links, names and topics.
local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local function plain()
  local definition = worker.define()
  definition:actor("starting", function() return "run" end)
  definition:cast("finish", function() return "complete" end)
  definition:cast("name", function(self, name) assert(self:register(name)) end)
  definition:cast("join", function(self, topic) assert(self:join(topic)) end)
  return definition
end

describe("bonds", function()
  local world, talk

  after_each(function() world:close() end)

  local function begin(keys)
    world = worlds.new()
    local other = { plain() }
    for key, value in pairs(keys or {}) do other[key] = value end
    talk = talkers.new(world, { other = other }, "a", "b")
  end

  local function shoot(name)
    world:unit(name):fail(exit.new { kind = "error", message = "shot" })
    world:step(0.05)
  end

  describe("monitors", function()
    it("tell of an end, once", function()
      begin()
      local job = talk:start("a", function(self)
        local reference = self:monitor("other")
        local what, its, unit, why = self:receive()
        local second = select(3, self:receive(nil, 1))
        return what, its == reference, unit == luvisor.find("other"), why.kind, why.message, second
      end)
      world:step(0.1)
      shoot "other"
      world:step(2)
      assert.same({ "down", true, true, "error", "shot", "ETIMEDOUT", n = 6 }, job.out)
    end)

    it("tell at once of what does not run", function()
      begin { restart = "transient" }
      talk:run("a", function(self) self:cast("other", "finish") end)
      world:step(0.1)
      assert.same({ "down", "normal" }, { talk:run("a", function(self)
        self:monitor("other")
        local what, _, _, why = self:receive(nil, 1)
        return what, why.kind
      end) })
    end)

    it("are called off, with what has come of them", function()
      begin()
      local job = talk:start("a", function(self)
        local one, two = self:monitor("other"), self:monitor("other")
        self:demonitor(one)
        self:sleep(1)
        self:demonitor(two)
        return select(3, self:receive(nil, 1))
      end)
      world:step(0.1)
      shoot "other"
      world:step(3)
      assert.equal("ETIMEDOUT", job.out[1])
    end)

    it("end with the worker that has them", function()
      begin()
      talk:run("a", function(self) self:monitor("other") end)
      shoot "a"
      shoot "other"
      assert.equal("ETIMEDOUT", select(3, talk:run("a", function(self) return self:receive(nil, 0.5) end)))
    end)
  end)

  describe("links", function()
    it("end both", function()
      begin()
      talk:run("a", function(self) self:link("other") end)
      shoot "other"
      assert.equal(2, world:generations "a")
      local ended = world:events_of("exit", "a")[1]
      assert.matches("linked unit root/other has ended: error: shot", ended.exit.message)
      assert.equal("shot", ended.exit.cause.message)
      talk:run("a", function(self) self:link("other") end)
      shoot "a"
      assert.equal(3, world:generations "other")
    end)

    it("do nothing where the end is a good one", function()
      begin { restart = "transient" }
      talk:run("a", function(self)
        self:link("other")
        self:cast("other", "finish")
      end)
      world:step(0.5)
      assert.equal("done", world:phase "other")
      assert.equal(1, world:generations "a")
    end)

    it("say it instead to one that traps", function()
      begin()
      local job = talk:start("a", function(self)
        self:trap(true)
        self:link("other")
        local what, unit, why = self:receive(nil, 5)
        return what, unit.path, why.message
      end)
      shoot "other"
      assert.same({ "exit", "root/other", "shot", n = 3 }, job.out)
      assert.equal(1, world:generations "a")
    end)

    it("are called off", function()
      begin()
      talk:run("a", function(self)
        self:link("other")
        self:unlink("other")
      end)
      shoot "other"
      assert.equal(1, world:generations "a")
    end)
  end)

  describe("names", function()
    it("belong to one, and go when it ends", function()
      begin()
      assert.same({ true, "other", "EEXIST" }, { talk:run("a", function(self)
        self:cast("other", "name", "boss")
        self:sleep(0.01)
        return luvisor.whereis("boss") == luvisor.find("other"), luvisor.whereis("boss").path:match("%w+$"),
          (select(3, self:register("boss")))
      end) })
      assert.same({ "boss" }, luvisor.registered())
      shoot "other"
      assert.is_nil(luvisor.whereis("boss"))
      assert.same({}, luvisor.registered())
      assert.is_true(talk:run("a", function(self) return self:register("boss") end))
    end)

    it("are taken away", function()
      begin()
      talk:run("a", function(self) self:register("boss") end)
      assert.is_true(luvisor.unregister("boss"))
      assert.is_false(luvisor.unregister("boss"))
      shoot "a" -- which no longer has it
      assert.is_nil(luvisor.whereis("boss"))
    end)

    it("reach the one that has them now", function()
      begin()
      talk:run("b", function(self) self:register("boss") end)
      talk:run("a", function(self) self:send("boss", "hello") end)
      assert.equal("hello", talk:run("b", function(self) return self:receive(nil, 1) end))
    end)
  end)

  describe("topics", function()
    it("reach all who take part, until they leave or end", function()
      begin()
      talk:run("a", function(self) self:join("news") self:join("news") end)
      talk:run("b", function(self) self:join("news") end)
      talk:run("a", function(self) self:cast("other", "join", "news") end)
      world:step(0.1)
      assert.equal(3, #luvisor.members("news"))
      assert.equal(3, talk:run("b", function(self) return self:publish("news", "extra") end))
      assert.equal("extra", talk:run("a", function(self) return self:receive(nil, 1) end))
      assert.equal("extra", talk:run("b", function(self) return self:receive(nil, 1) end))
      talk:run("a", function(self) self:leave("news") end)
      shoot "other"
      assert.equal(1, talk:run("a", function(self) return self:publish("news", "again") end))
      assert.equal(0, luvisor.publish("nothing", 1))
    end)
  end)
end)
