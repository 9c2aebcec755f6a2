-- SPDX-License-Identifier: Apache-2.0
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

describe("mailboxes and receive", function()
  local world, talk

  after_each(function() world:close() end)

  local function begin(definitions, ...)
    world = worlds.new()
    talk = talkers.new(world, definitions, ...)
  end

  describe("mailboxes", function()
    it("are bounded", function()
      begin { counter = { talkers.counter(), mailbox = 3 } }
      local taken, code = talk:run("client", function(self)
        for i = 1, 10 do
          local ok, _, its_code = self:send("counter", i)
          if not ok then return i - 1, its_code end
        end
      end)
      assert.same({ 3, "EAGAIN" }, { taken, code })
    end)

    it("hold 1000 letters unless the tree says otherwise", function()
      begin()
      assert.equal(1000, talk:run("client", function(self)
        for i = 1, 2000 do
          if not self:send("counter", i) then return i - 1 end
        end
      end))
    end)

    it("are made only when something comes", function()
      begin()
      assert.is_nil(rawget(world:unit("counter").instance, "_box"))
    end)

    it("are new for each generation", function()
      begin(nil, "a", "b")
      talk:run("a", function(self) return self:send("b", "old") end)
      world:unit("b"):fail(require("luvisor.core.exit").new { kind = "error", message = "x" })
      world:step(0.1)
      assert.equal("ETIMEDOUT", select(3, talk:run("b", function(self) return self:receive(nil, 1) end)))
    end)
  end)

  describe("receive", function()
    local match = luvisor.match

    it("takes messages in order", function()
      begin(nil, "a", "b")
      talk:run("a", function(self)
        for i = 1, 5 do self:send("b", "number", i) end
      end)
      local got = talk:run("b", function(self)
        local list = {}
        for i = 1, 5 do list[i] = select(2, self:receive()) end
        return list
      end)
      assert.same({ 1, 2, 3, 4, 5 }, got)
    end)

    it("waits for what comes later", function()
      begin(nil, "a", "b")
      local job = talk:start("b", function(self) return self:receive("hello", 5) end)
      world:step(1)
      assert.is_nil(job.out)
      talk:run("a", function(self) self:send("b", "hello", { 1 }) end)
      world:step(0.01)
      assert.same({ "hello", { 1 }, n = 2 }, job.out)
    end)

    it("chooses by patterns and leaves the rest in order", function()
      begin(nil, "a", "b")
      talk:run("a", function(self)
        for _, row in ipairs { { "x", 1 }, { "y", 2 }, { "x", 3 }, { "z", "s", { k = 4 } } } do
          self:send("b", table.unpack(row))
        end
      end)
      assert.same({ 2, 4, "x", 1, 3 }, { talk:run("b", function(self)
        local y = self:receive { "y", match.ANY }
        local k = self:receive { "z", match.IGNORE, { k = match.integer } }
        local tag, first = self:receive()
        local _, third = self:receive(function(_, value) return value == 3 end)
        return y, k, tag, first, third
      end) })
    end)

    it("runs the first case that matches", function()
      begin(nil, "a", "b")
      talk:run("a", function(self) self:send("b", "job", 7) end)
      assert.equal("job 7", talk:run("b", function(self)
        return self:receive {
          match.case({ "other" }, function() return "other" end),
          match.case({ "job", match.number }, function(id) return "job " .. id end),
        }
      end))
    end)

    it("times out", function()
      begin(nil, "a", "b")
      talk:run("a", function(self) self:send("b", "unwanted") end)
      local before = world.env.now()
      local function receive(self) return self:receive("wanted", 2) end
      assert.same({ nil, "timeout", "ETIMEDOUT" }, { talk:run("b", receive) })
      assert.is_true(world.env.now() - before >= 2)
      assert.equal("unwanted", talk:run("b", function(self) return self:receive(nil, 0) end))
      assert.equal("ETIMEDOUT", select(3, talk:run("b", function(self) return self:receive(nil, 0) end)))
    end)

    it("ends when a stop comes, and does not begin when one has come", function()
      local definition, got = worker.define(), {}
      definition:actor("starting", function() return "run" end)
      definition:actor("running", function(self)
        got[#got + 1] = table.pack(self:receive())
        got[#got + 1] = table.pack(self:receive())
        return "complete"
      end)
      begin { waiter = definition }
      world:step(30) -- and is no missed heartbeat
      assert.equal(1, world:generations "waiter")
      world:stop(0.1)
      assert.same({ nil, "stopping", "ECANCELED", n = 3 }, got[1])
      assert.same({ nil, "stopping", "ECANCELED", n = 3 }, got[2])
      assert.equal("shutdown", world.ended.kind)
    end)

    it("serves requests meanwhile", function()
      local definition = worker.define()
      definition:actor("starting", function() return "run" end)
      definition:actor("running", function(self)
        self.word = self:receive()
        return self.stopping and "complete" or "keepalive"
      end)
      definition:call("word", function(self) return self.word end)
      definition:cast("end", function() return "complete" end)
      begin { waiter = definition }
      talk:run("client", function(self) self:send("waiter", "plugh") end)
      assert.equal("plugh", talk:run("client", function(self) return self:call("waiter", "word") end))
      talk:run("client", function(self) self:cast("waiter", "end") end)
      world:step(0.1)
      assert.equal("done", world:phase "waiter")
    end)

    it("is done by an info handler where there is one", function()
      local definition, got = worker.define(), {}
      definition:actor("starting", function() return "run" end)
      definition:info(function(_, ...) got[#got + 1] = { ... } end)
      begin { listener = definition }
      talk:run("client", function(self)
        self:send("listener", "a", 1)
        self:send("listener", "b")
      end)
      world:step(0.1)
      assert.same({ { "a", 1 }, { "b" } }, got)
    end)
  end)

  describe("timers", function()
    it("send later, and can be called off", function()
      begin()
      assert.same({ "second", true, false, "ETIMEDOUT" }, { talk:run("client", function(self)
        local first = self:send_after(1, "client", "first")
        self:send_after(2, "client", "second")
        local cancelled = first:cancel()
        return (self:receive()), cancelled, first:cancel(), (select(3, self:receive(nil, 3)))
      end) })
    end)
  end)
end)
