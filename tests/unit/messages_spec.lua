-- SPDX-License-Identifier: Apache-2.0
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

describe("messages", function()
  local world, talk

  after_each(function() world:close() end)

  local function begin(definitions, ...)
    world = worlds.new()
    talk = talkers.new(world, definitions, ...)
  end

  describe("calls and casts", function()
    it("answer, in the order of one sender", function()
      begin()
      assert.equal(6, talk:run("client", function(self)
        for i = 1, 3 do assert(self:cast("counter", "add", i)) end
        return self:call("counter", "count")
      end))
    end)

    it("find the worker by name, path, handle and registered name", function()
      begin()
      assert.same({ 1, 2, 3, 4 }, { talk:run("client", function(self)
        local one = self:call("counter", "add", 1)
        local two = self:call("root/counter", "add", 1)
        local three = self:call(luvisor.find("counter"), "add", 1)
        world:unit("counter").env.registry:register("the counter", world:unit("counter"))
        return one, two, three, (self:call("the counter", "add", 1))
      end) })
    end)

    it("copy what they carry, both ways", function()
      begin()
      local given = { 1, { nested = "x" }, [false] = 2.5 }
      local got = talk:run("client", function(self) return self:call("counter", "echo", given) end)
      assert.same(given, got)
      assert.not_equal(given, got)
      assert.not_equal(given[2], got[2])
    end)

    it("carry nil, handles and exits", function()
      begin()
      local a, b, c, n = talk:run("client", function(self)
        local row = table.pack(self:call("counter", "echo", nil, luvisor.find("counter"), nil))
        return row[1], row[2], row[3], row.n
      end)
      assert.same({ nil, luvisor.find("counter"), nil, 3 }, { a, b, c, n })
    end)

    it("refuse what cannot be sent, at the sender", function()
      begin()
      local value, message, code = talk:run("client", function(self)
        return self:call("counter", "echo", { f = print })
      end)
      assert.same({ nil, "cannot send a function at .f", "EINVAL" }, { value, message, code })
      assert.equal("EINVAL", select(3, talk:run("client", function(self) return self:send("counter", print) end)))
      assert.equal("running", world:phase("counter"))
    end)

    it("know no unit that is not there", function()
      begin()
      assert.equal("NOT_FOUND", select(3, talk:run("client", function(self) return self:call("nobody", "x") end)))
      assert.equal("EINVAL", select(3, talk:run("client", function(self) return self:cast("root", "x") end)))
      assert.equal("EINVAL", select(3, talk:run("client", function(self) return self:cast({}, "x") end)))
      assert.equal("EDEADLK", select(3, talk:run("client", function(self) return self:call("client", "x") end)))
    end)

    it("time out, and the late answer goes to nobody", function()
      begin()
      local value, message, code, later = talk:run("client", function(self)
        local value, message, code = self:call({ "counter", timeout = 1 }, "slow", 2)
        self:sleep(2)
        return value, message, code, (self:call("counter", "add", 1))
      end)
      assert.same({ nil, "timeout", "ETIMEDOUT", 1 }, { value, message, code, later })
    end)

    it("wait 5 s unless the tree says otherwise", function()
      begin()
      local before = world.env.now()
      talk:run("client", function(self) return self:call("counter", "slow", 9) end, 20)
      local took = world.env.now() - before
      assert.is_true(took > 4.9 and took < 5.3, took)
    end)

    it("are told at once that nobody serves them", function()
      begin()
      local value, message, code = talk:run("client", function(self) return self:call("counter", "cuont") end)
      assert.is_nil(value)
      assert.matches('counter: no handler for call "cuont" in state running, did you mean "count"', message)
      assert.equal("NO_HANDLER", code)
      talk:run("client", function(self) return self:cast("counter", "nothing") end)
      world:step(0.1)
      assert.matches('no handler for cast "nothing"', table.concat(world:messages "warn", "\n"))
      assert.equal("running", world:phase("counter"))
    end)

    it("get the exit when the worker fails over them", function()
      begin()
      local value, message, code, exit = talk:run("client", function(self) return self:call("counter", "fail") end)
      assert.is_nil(value)
      assert.matches("root/counter is down: error: .*cannot", message)
      assert.equal("DOWN", code)
      assert.equal("error", exit.kind)
      world:step(0.1)
      assert.equal(2, world:generations "counter")
      assert.equal(0, talk:run("client", function(self) return self:call("counter", "count") end))
    end)

    it("that wait in the mailbox get it as well", function()
      begin(nil, "a", "b")
      local slow = talk:start("a", function(self) return self:call("counter", "slow", 1) end)
      local waiting = talk:start("b", function(self) return self:call("counter", "count") end)
      world.started.env.tree:find("counter"):fail(require("luvisor.core.exit").new { kind = "error", message = "shot" })
      world:step(0.01)
      assert.equal("DOWN", slow.out[3])
      assert.equal("DOWN", waiting.out[3])
    end)

    it("are told at once of a worker that has ended", function()
      begin { counter = { talkers.counter(), restart = "temporary" } }
      talk:run("client", function(self) return self:cast("counter", "finish") end)
      world:step(1)
      local before = world.env.now()
      local _, _, code = talk:run("client", function(self) return self:call("counter", "count") end)
      assert.is_true(code == "DOWN" or code == "NOT_FOUND")
      assert.is_true(world.env.now() - before < 0.5)
    end)

    it("from many workers are served one at a time", function()
      local names = {}
      for i = 1, 100 do names[i] = "client" .. i end
      begin(nil, table.unpack(names))
      local jobs = {}
      for i, name in ipairs(names) do
        jobs[i] = talk:start(name, function(self) return self:call("counter", "add", 1) end)
      end
      world:step(1)
      local seen = {}
      for _, job in ipairs(jobs) do seen[job.out[1]] = true end
      for i = 1, 100 do assert.is_true(seen[i], i) end
    end)

    it("are answered later where the handler defers", function()
      local definition, waiting = worker.define(), nil
      definition:actor("starting", function() return "run" end)
      definition:call("ask", function(self) waiting = self:defer() end)
      definition:cast("tell", function(self, value) assert(self:reply(waiting, value)) end)
      begin({ oracle = definition }, "asker", "teller")
      local asked = talk:start("asker", function(self) return self:call("oracle", "ask") end)
      world:step(1)
      assert.is_nil(asked.out)
      talk:run("teller", function(self) return self:cast("oracle", "tell", 42) end)
      world:step(0.1)
      assert.equal(42, asked.out[1])
    end)

    it("do not move the actor's own turns", function()
      local definition, turns = worker.define(), {}
      definition:actor("starting", function() return "run" end)
      definition:actor("running", { every = 1 }, function(self)
        turns[#turns + 1] = math.floor(self._unit.env.now() * 10 + 0.5) / 10
        return self.stopping and "complete" or "keepalive"
      end)
      definition:call("ping", function() return "pong" end)
      begin { ticker = definition }
      for _ = 1, 25 do
        assert.equal("pong", talk:run("client", function(self) return self:call("ticker", "ping") end))
        world:step(0.1)
      end
      for i = 2, #turns do assert.is_true(math.abs(turns[i] - turns[i - 1] - 1) < 0.11, i) end
    end)

    it("from elsewhere answer by a function", function()
      begin()
      local got
      assert.is_true(luvisor.call("counter", "add", 5, function(...) got = { ... } end))
      assert.is_nil(got)
      world:step(0.1)
      assert.same({ 5 }, got)
      luvisor.call("nobody", "add", 5, function(...) got = { ... } end)
      world:step(0.1)
      assert.equal("NOT_FOUND", got[3])
      assert.has_error(function() luvisor.call("counter", "add", 5) end,
        "luvisor.call: this place cannot wait: give a function for the answer as the last argument")
    end)

    it("wait no longer when a stop comes", function()
      begin()
      local job = talk:start("client", function(self)
        local value, message, code = self:call("counter", "slow", 3)
        return "complete", value, message, code
      end)
      world:step(0.5)
      world.started:stop()
      world:step(0.01)
      assert.same({ nil, "stopping", "ECANCELED" }, { job.out[2], job.out[3], job.out[4] })
      world:step(10)
    end)

    it("to a worker that serves only are no missed heartbeats", function()
      begin()
      world:step(60)
      assert.equal(1, world:generations "counter")
    end)
  end)
end)
