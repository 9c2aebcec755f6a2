-- SPDX-License-Identifier: Apache-2.0
-- The other half of fauxtp_spec: servers, identities, names, tasks; the cases' names are in brackets.

local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

-- A GenServer: a number that is asked for, added to, and told.
local function server()
  local definition = worker.define()
  definition:actor("starting", function(self)
    self.data = { count = 0 }
    return "run"
  end)
  definition:call("get", function(self) return self.data.count end)
  definition:call("add", function(self, one, two)
    self.data.count = self.data.count + one + (two or 0)
    return self.data.count
  end)
  definition:call("slow", function(self)
    self:sleep(0.5) -- others are served meanwhile, this one's callers wait
    self.data.count = self.data.count + 1
    return self.data.count
  end)
  definition:cast("add", function(self, by) self.data.count = self.data.count + by end)
  return definition
end

describe("as fauxtp has it,", function()
  local world, talk

  before_each(function()
    local listener = server()
    listener:info(function(self, what, by) if what == "add" then self.data.count = self.data.count + by end end)
    world = worlds.new()
    talk = talkers.new(world, { server = server(), listener = listener }, "a", "b")
  end)

  after_each(function() world:close() end)

  local function call(...)
    return talk:call("a", ...)
  end

  describe("a server", function()
    it("answers, and keeps what it was told (genserver_call_updates_state_and_replies)", function()
      assert.equal(3, call("server", "add", 1, 2))
      assert.equal(3, call("server", "get"))
    end)

    it("has served a cast before the call after it "
      .. "(genserver_cast_is_observable_via_followup_call_without_sleep)", function()
      assert.equal(5, talk:run("a", function(self)
        self:cast("server", "add", 5)
        return self:call("server", "get")
      end))
    end)

    it("has served a message before the call after it (genserver_info_is_observable_via_call)", function()
      assert.equal(7, talk:run("a", function(self)
        self:send("listener", "add", 7)
        return self:call("listener", "get")
      end))
    end)

    it("does not know every request, says so, and lives "
      .. "(genserver_handle_call_not_implemented_crashes_and_reports_reason)", function()
      assert.equal("NO_HANDLER", select(3, call("server", "gett")))
      assert.equal(1, world:generations "server")
    end)

    it("is not changed by what it does not know (genserver_handle_cast_default_does_not_change_state, "
      .. "genserver_handle_info_default_does_not_change_state)", function()
      assert.equal(0, talk:run("a", function(self)
        self:cast("server", "unknown", 1)
        self:send("server", "unknown", 1)
        self:send("listener", "unknown", 1)
        return self:call("server", "get") + self:call("listener", "get")
      end))
      assert.equal(1, #world:messages "warn") -- the cast; a message waits for a receive
    end)

    it("is not waited for longer than asked, and the late answer goes to nobody "
      .. "(genserver_call_timeout_raises_receive_timeout)", function()
      assert.same({ "ETIMEDOUT", 1, "ETIMEDOUT" }, { talk:run("a", function(self)
        local code = select(3, self:call({ "server", timeout = 0.1 }, "slow"))
        return code, self:call("server", "get"), (select(3, self:receive(nil, 1)))
      end) })
    end)

    it("serves many, one after the other "
      .. "(genserver_multiple_concurrent_calls_all_reply_and_state_is_consistent)", function()
      local answers, most = {}, 0
      for i = 1, 100 do
        luvisor.call({ "server", timeout = 100 }, "slow", function(value)
          answers[i], most = value, math.max(most, value)
        end)
      end
      world:step(60)
      for i = 1, 100 do assert.equal(i, answers[i]) end
      assert.equal(100, most)
    end)
  end)

  describe("identities", function()
    it("of units compare, are keys, and have a text (pid_creation, pid_equality, pid_hashable)", function()
      local one = luvisor.find "server"
      assert.equal(one, luvisor.find "root/server")
      assert.not_equal(one, luvisor.find "a")
      assert.equal("found", ({ [one] = "found" })[luvisor.find "server"])
      assert.equal("unit root/server", tostring(one))
      assert.equal(one, talk:run("a", function(self) -- also when it was sent
        self:send("a", luvisor.find "server")
        return self:receive()
      end))
    end)

    it("of monitors are each its own, and plain values (ref_creation, ref_hashable)", function()
      assert.is_true(talk:run("a", function(self)
        local one, two = self:monitor "server", self:monitor "server"
        return one ~= two and ({ [one] = true })[one] and math.type(one) == "integer"
      end))
    end)
  end)

  describe("names", function()
    it("are given and found, by one and by many (register_process, whereis, registered, multiple_processes)", function()
      talk:run("a", function(self) return self:register "x" end)
      talk:run("b", function(self) return self:register "y" end)
      assert.equal(luvisor.find "a", luvisor.whereis "x")
      assert.equal(luvisor.find "b", luvisor.whereis "y")
      assert.is_nil(luvisor.whereis "z")
      assert.same({ "x", "y" }, luvisor.registered())
      assert.equal("EEXIST", select(3, talk:run("b", function(self) return self:register "x" end)))
    end)

    it("are given back (unregister)", function()
      talk:run("a", function(self) return self:register "x" end)
      assert.is_true(luvisor.unregister "x")
      assert.is_nil(luvisor.whereis "x")
      assert.is_true(talk:run("b", function(self) return self:register "x" end))
    end)

    it("lead to the new one after a restart, and to nobody when all is gone (simple_global_supervisor)", function()
      local definition = worker.define()
      definition:actor("starting", function(self)
        assert(self:register "the name")
        return "run"
      end)
      definition:call("generation", function(self) return self.generation end)
      local added = world:adopt(luvisor.worker { name = "named", module = definition }, "root")
      world:call("start_child", "root", added, 0.1)
      for generation = 1, 3 do
        assert.equal(generation, call("the name", "generation"))
        world:unit("named"):fail(exit.new { kind = "error", message = "again" })
        world:step(0.1)
      end
      world:call("terminate_child", "root", "named", 1)
      assert.is_nil(luvisor.whereis "the name")
      world:call("restart_child", "root", "named", 1)
      assert.equal(luvisor.find "named", luvisor.whereis "the name")
    end)
  end)

  describe("a task", function()
    it("is joined: its results, its failure, its end by force (task_join_success, task_join_failure_raises, "
      .. "task_join_cancelled_does_not_hang)", function()
      assert.same({ 42, "error: no", "FAILED" }, { talk:run("a", function(self)
        local good = self:task(function() return 42 end)
        local bad = self:task(function() error("no", 0) end)
        local long = self:task(function(its) its:sleep(1000) end)
        local value, why = good:join(), tostring((select(4, bad:join())))
        self:sleep(0.1)
        long:stop()
        return value, why, (select(3, long:join()))
      end) })
    end)

    it("tells its owner however it ends (task_spawn_and_notify_parent_gets_success_and_failure_and_cancel)", function()
      assert.same({ true, false, "error", false, "shutdown" }, { talk:run("a", function(self)
        local function outcome(fn, stop)
          local one = self:notify_task(fn)
          self:sleep(0.1)
          if stop then one:stop() end
          local message = { self:receive(function(what, id) return what == "task" and id == one.id end, 5) }
          return message[3], message[7]
        end
        local good = outcome(function() return 42 end)
        local bad, why = outcome(function() error "no" end)
        local long, how = outcome(function(its) its:sleep(1000) end, true)
        return good, bad, why.kind, long, how.kind
      end) })
    end)
  end)
end)
