-- SPDX-License-Identifier: Apache-2.0
-- What fauxtp's own tests ask of an actor library, in luvisor's words; the cases' names are in brackets. Its
-- servers, names and tasks are in fauxtp_server_spec, its supervisors in supervisor_restart_spec and
-- supervisor_group_spec.

local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local match = luvisor.match
local ANY, IGNORE = match.ANY, match.IGNORE

-- Notes how it takes its leave.
local function server(left)
  local definition = worker.define()
  definition:actor("starting", function(self)
    self.data = { count = 0 }
    return "run"
  end)
  definition:call("get", function(self) return self.data.count end)
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
    world = worlds.new()
    talk = talkers.new(world, { server = server(left) }, "a", "b")
  end)

  after_each(function() world:close() end)

  local function call(...)
    return talk:call("a", ...)
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
      .. "assert_receives_times_out_when_no_message_matches, "
      .. "test_actor_collects_messages_deterministically)", function()
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
