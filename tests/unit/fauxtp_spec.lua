-- SPDX-License-Identifier: Apache-2.0
-- What fauxtp's own tests ask of an actor library, in luvisor's words; the cases' names are in brackets. Its
-- supervisors' cases are in supervisor_restart_spec and supervisor_group_spec.

local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local match = luvisor.match
local ANY, IGNORE = match.ANY, match.IGNORE

-- A GenServer: a number that is asked for, added to, and told.
local function server(left)
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
  for _, state in ipairs { "running", "terminating" } do
    definition:leave(state, function(_, why, event)
      left[#left + 1] = ("%s %s"):format(event, why and why.kind or "-")
    end)
  end
  return definition
end

describe("as fauxtp has it,", function()
  local world, talk, left

  before_each(function()
    left = {}
    local listener = server(left)
    listener:info(function(self, what, by) if what == "add" then self.data.count = self.data.count + by end end)
    world = worlds.new()
    talk = talkers.new(world, { server = server(left), listener = listener }, "a", "b")
  end)

  after_each(function() world:close() end)

  local function call(...)
    local row = table.pack(...)
    return talk:run("a", function(self) return self:call(table.unpack(row, 1, row.n)) end)
  end

  describe("an actor", function()
    it("is sent something, and sends something back (actor_message_round_trip_without_sleeps)", function()
      local job = talk:start("b", function(self)
        local from, text = self:receive { "ping", ANY, ANY }
        return self:send(from, "pong", text)
      end)
      assert.same({ "pong", "hello" }, { talk:run("a", function(self)
        self:send("b", "ping", self.unit, "hello")
        return self:receive()
      end) })
      assert.is_true(job.out[1])
    end)

    it("that is stopped takes its leave, and its exit says so "
      .. "(actor_stop_calls_terminate_and_on_exit_reason_is_normal)", function()
      local unit = world:unit "server"
      world:call("terminate_child", "root", "server", 1)
      assert.same({ "complete -", "complete -" }, left)
      assert.equal("shutdown", unit.last_exit.kind)
    end)

    it("that is cancelled takes its leave, and its exit says why "
      .. "(actor_cancel_scope_results_in_cancelled_reason_and_terminate_runs, "
      .. "actor_terminate_called_on_cancel_and_reason_is_cancelled)", function()
      local unit = world:unit "server"
      unit:fail(exit.new { kind = "error", message = "cancelled by somebody" })
      world:step(0.1)
      assert.same({ "error error" }, left)
      assert.equal("cancelled by somebody", unit.last_exit.message)
    end)

    it("that does not run cannot be used (actor_not_started_error)", function()
      world:call("terminate_child", "root", "server", 1)
      assert.equal("DOWN", select(3, call("server", "get")))
      assert.equal("DOWN", select(3, talk:run("a", function(self) return self:send("server", 1) end)))
      assert.equal("NOT_RUNNING", select(3, luvisor.find("server"):get_state()))
    end)

    it("receives on its own coroutine only (actor_receive_not_started_raises_runtime_error)", function()
      local instance = world:unit("a").instance
      assert.has_error(function() instance:receive() end, "receive: not inside a worker")
    end)
  end)

  describe("a mailbox", function()
    it("has its time limit told (mailbox_timeout, mailbox_timeout_exception_message_contains_timeout)", function()
      local before = world.env.now()
      local value, message, code = talk:run("a", function(self) return self:receive({ "x" }, 2) end)
      assert.same({ nil, "timeout", "ETIMEDOUT" }, { value, message, code })
      assert.is_true(world.env.now() - before >= 2)
    end)

    it("limits the wait, not what is done with what has come (mailbox_timeout)", function()
      assert.equal("done", talk:run("a", function(self)
        self:send("a", "x")
        return self:receive({ match.case({ "x" }, function()
          self:sleep(3)
          return "done"
        end) }, 1)
      end))
    end)

    it("is first in, first out (mailbox_put_and_receive, send_to_mailbox_fifo_receive)", function()
      assert.same({ 1, 2, 3 }, { talk:run("a", function(self)
        for i = 1, 3 do self:send("a", i) end
        return (self:receive()), (self:receive()), (self:receive())
      end) })
    end)

    it("takes out what a pattern matches, and leaves the rest (mailbox_pattern_matching, mailbox_selective_receive)",
      function()
        assert.same({ 2, "first", "third" }, { talk:run("a", function(self)
          self:send("a", "first")
          self:send("a", "wanted", 2)
          self:send("a", "third")
          return self:receive { "wanted", ANY }, (self:receive()), (self:receive())
        end) })
      end)

    it("calls the function of a case with what was extracted, which may wait (mailbox_handler_with_multiple_args, "
      .. "mailbox_handler_return_types_sync_and_async)", function()
      assert.same({ 3, 12 }, { talk:run("a", function(self)
        self:send("a", "sum", 1, 2)
        self:send("a", "product", 3, 4)
        local cases = {
          match.case({ "sum", ANY, ANY }, function(one, two) return one + two end),
          match.case({ "product", ANY, ANY }, function(one, two)
            self:sleep(0.1)
            return one * two
          end),
        }
        return self:receive(cases), (self:receive(cases))
      end) })
    end)
  end)

  describe("a pattern", function()
    local function test(pattern, ...)
      local out = match.test(pattern, table.pack(...))
      return out and { table.unpack(out, 1, out.n) }
    end

    it("matches (match_any, match_ignore, match_type, match_literal)", function()
      assert.same({ 42 }, test({ ANY }, 42))
      assert.same({ 42 }, test({ IGNORE }, 42)) -- nothing extracted: all of it
      assert.same({ 1 }, test({ match.integer, IGNORE }, 1, 2))
      assert.is_nil(test({ match.string }, 42))
      assert.same({ "x" }, test({ "x", ANY } and { "x" }, "x"))
      assert.is_nil(test({ "x" }, "y"))
    end)

    it("looks into what is nested (match_tuple_structure, match_tuple_with_ignore, match_complex_pattern)", function()
      assert.same({ 1, 3 }, test({ { ANY, IGNORE, ANY } }, { 1, 2, 3 }))
      assert.is_nil(test({ { ANY, ANY } }, { 1, 2, 3 }))
      assert.same({ "id", 7, true }, test({ "user", { match.string, { n = match.integer } }, match.boolean }, "user",
        { "id", { n = 7 } }, true))
      assert.is_nil(test({ "user", { match.string, { n = match.integer } } }, "user", { "id", { n = 7.5 } }))
    end)

    it("may be a predicate (match_type)", function()
      assert.same({ 8 }, test(function(n) return n > 7 end, 8))
      assert.is_nil(test(function(n) return n > 7 end, 7))
    end)
  end)

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

  describe("help for tests", function()
    it("waits until something holds, by the virtual clock (wait_for_success, wait_for_timeout, with_timeout_success, "
      .. "with_timeout_fails_with_timeout_error)", function()
      assert.equal("in time", talk:run("a", function(self)
        self:sleep(1)
        return "in time"
      end, 2))
      talk:start("a", function(self) return self:sleep(100) end)
      assert.has_error(function() talk:run("a", function() return "late" end, 2) end, "a has not returned")
    end)

    it("reads what an actor was sent (assert_receives_reads_from_running_actor_mailbox, "
      .. "assert_receives_times_out_when_no_message_matches, test_actor_collects_messages_deterministically)", function()
      talk:run("b", function(self)
        for i = 1, 3 do self:send("a", "item", i) end
      end)
      local got = {}
      for i = 1, 3 do got[i] = talk:run("a", function(self) return self:receive({ "item", ANY }, 1) end) end
      assert.same({ 1, 2, 3 }, got)
      local function receive(self) return self:receive({ "item", ANY }, 1) end
      assert.equal("ETIMEDOUT", select(3, talk:run("a", receive)))
    end)
  end)
end)
