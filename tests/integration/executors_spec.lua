-- SPDX-License-Identifier: Apache-2.0
-- One behaviour on every executor: the same worker modules, the same tree, and where they run is one word.

local executors = require "executors"
local host = require "host"

local start, tree, worker = executors.start, executors.tree, executors.worker

for _, executor in ipairs { "coroutine", "thread", "process", "shell" } do
  describe("a worker with executor = " .. executor, function()
    before_each(executors.set_up)
    after_each(executors.clean_up)

    it("runs, has the same self, and stops "
      .. "(thread_executor_runs_worker_and_emits_activities, coroutine_executor_runs_and_stops_cleanly, "
      .. "process_executor_path_materializes_and_runs) #valgrind", function()
      local process = start(tree(worker(executor, 'name = "w", module = "plain", args = { text = "ü", number = 3 }')))
      process:expect "root/w says generation 1, path root/w, name w, state starting, args ü integer, stopping false"
      process:expect "third turn"
      assert.equal(0, process:stop())
      assert.truthy(process:output():find("takes its leave", 1, true))
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
      assert.truthy(process:stdout():find("event root/w starting -> running", 1, true))
      assert.truthy(process:stdout():find("event root/w running -> terminating", 1, true))
    end)

    it("ends by itself: well, failed, and by an error with its hooks and its line", function()
      local process = start(tree(table.concat({
        worker(executor, 'name = "well", module = "ends", args = { how = "complete" }'),
        worker(executor, 'name = "error", module = "ends", args = { how = "error" }, restart = "temporary"'),
        worker(executor, 'name = "object", module = "ends", args = { how = "table" }, restart = "temporary"'),
      }, ",")))
      assert.equal(0, process:wait(10))
      local said = process:stdout()
      assert.truthy(said:find("exit root/well: normal (normal)", 1, true), process:output())
      assert.truthy(said:find "exit root/error: error: [^\n]*ends.lua:5: as ordered %(error%)", said)
      assert.truthy(said:find("exit root/object: error: an object (error)", 1, true))
      assert.truthy(process:stderr():find("hook saw error", 1, true))
    end)

    it("is restarted by the intensity of its supervisor, each generation wholly after the other", function()
      local process = start(tree(worker(executor, 'name = "w", module = "ends", args = { how = "error" }'),
        "intensity = { restarts = 2, within = 60 }"))
      assert.equal(1, process:wait(10))
      local _, exits = process:stdout():gsub("exit root/w: error", "")
      assert.equal(3, exits)
      assert.truthy(process:stderr():find("more than 2 restarts within", 1, true))
    end)

    it("asks a policy of the script's own, which sees the exit", function()
      local process = start(([[
        local function policy(exit, history)
          io.stdout:write("policy: ", exit.kind, " ", tostring(exit.traceback ~= nil), "\n")
          io.stdout:flush()
          if #history < 2 then return "restart", 0.01 end
          return "stop"
        end
        return luvisor.supervisor { name = "root", children = {
          luvisor.worker { name = "w", module = "ends", executor = %q, args = { how = "error" }, restart = policy } } }
      ]]):format(executor))
      assert.equal(0, process:wait(10))
      assert.equal(2, process:count "policy: error true")
    end)

    it("that does not start in time ends so, and stops in that phase", function()
      local process = start(tree(
        worker(executor, 'name = "late", module = "slow", args = { phase = "start" }, start_timeout = 0.2, '
          .. 'restart = "temporary", backoff = true')
        .. "," .. worker(executor, 'name = "w", module = "slow", args = { phase = "start" }')))
      process:expect "exit root/late: timeout: start 200 ms in starting %(timeout%)"
      process:expect("starts to start", 10, 2)
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
    end)

    it("that waits when its heartbeat is due is cancelled and cleans up; one that sleeps is stopped", function()
      local process = start(tree(
        worker(executor, 'name = "hangs", module = "slow", args = { phase = "await" }, restart = "temporary"')
        .. "," .. worker(executor, 'name = "sleeps", module = "slow", args = { phase = "sleep", seconds = 0.02 }')))
      process:expect "exit root/hangs: timeout: heartbeat 300 ms in running %(timeout%)"
      process:expect "root/hangs cleans up"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/sleeps: shutdown (shutdown)", 1, true), process:output())
    end)

    it("that will not stop is killed when its shutdown is over", function()
      local process = start(tree(
        worker(executor, 'name = "deaf", module = "slow", args = { phase = "deaf" }, shutdown = 0.3'),
        "shutdown = 60")) -- of its own it has little more than what a worker takes that does not care for its cancel
      process:expect "deaf is in its actor"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/deaf: killed: did not stop within 0.3 s (killed)", 1, true),
        process:output())
    end)

    it("that computes for ever is ended, and nobody else notices "
      .. "(thread_executor_kill_stops_thread_running_python_code, "
      .. "kill_thread_stops_thread_running_python_code)", function()
      if host.binary:find "tsan/" then return pending "ThreadSanitizer holds signals back" end
      local process = start(tree(
        worker(executor, 'name = "spins", module = "slow", args = { phase = "spin" }, restart = "temporary"')
        .. "," .. worker(executor, 'name = "w", module = "plain", args = { text = "w" }')))
      process:expect "root/w third turn"
      process:expect("exit root/spins: [^\n]*%(timeout%)", 20)
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
    end)

    it("is restarted by a reload that changes its keys, and left alone by one that does not", function()
      local function body(text)
        return tree(worker(executor, ('name = "w", module = "plain", args = { text = %q }'):format(text)) .. ","
          .. worker(executor, 'name = "same", module = "plain", args = {}'))
      end
      local process = start(body "one")
      process:expect "root/w third turn"
      process:expect "root/same third turn"
      executors.write(body "two")
      process:signal "sighup"
      process:expect "root/w says [^\n]*args two"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
      assert.equal(1, select(2, process:stderr():gsub("root/same says generation", "")), process:output())
    end)

    it('with shutdown = "kill" is killed at once', function()
      local process = start(tree(
        worker(executor, 'name = "w", module = "slow", args = { phase = "sleep" }, shutdown = "kill"')))
      process:expect "w is in its actor"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: killed (killed)", 1, true), process:output())
    end)
  end)
end

for _, pair in ipairs {
  { "coroutine", "coroutine" }, { "coroutine", "thread" }, { "coroutine", "process" }, { "thread", "coroutine" },
  { "process", "coroutine" }, { "thread", "process" }, { "process", "thread" }, { "process", "shell" },
} do
  describe(("messages from %s to %s"):format(pair[1], pair[2]), function()
    before_each(executors.set_up)
    after_each(executors.clean_up)

    it("arrive in order, are answered, and fail with a reason", function()
      local process = start(tree(worker(pair[2], 'name = "echo", module = "echo", restart = "temporary"') .. ","
        .. worker(pair[1], 'name = "asks", module = "asks", after = { echo = "ready" }')))
      process:expect "root/asks asked"
      local said = process:stderr()
      for _, line in ipairs { "echo: root/echo, 1, 2.5, ü, true", "table: root/echo, table: ",
        "notes: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20\n", "nobody: nil, no unit nobody, NOT_FOUND",
        "death: nil, " } do
        assert.truthy(said:find("root/asks " .. line, 1, true), line .. said)
      end
      assert.truthy(said:find 'unknown: nil, [^\n]*did you mean "echo"%?, NO_HANDLER', said)
      assert.truthy(said:find "death: nil, [^\n]*as ordered, DOWN", said)
      assert.equal(2, select(2, said:gsub("root/asks values: 0, 1\n", "")), said) -- first the long way
      assert.equal(0, process:stop())
    end)

    it("mean the same the short way and the long way", function()
      local process = start(tree(worker(pair[2], 'name = "answers", module = "twice", restart = "temporary"') .. ","
        .. worker(pair[1], 'name = "asks", module = "twice", args = { at = "answers" }, after = { answers = "ready" }'
        )))
      process:expect "root/asks asked twice"
      local said = process:stderr()
      assert.falsy(said:find("differ: ", 1, true), said)
      local wanted = ("said |nil false 1.5|%s|1|1 2 3 4 5 6|nil cannot send a function"):format(("x"):rep(300))
      assert.truthy(said:find(wanted, 1, true), said)
      assert.truthy(said:find("|slept|nilETIMEDOUT|after the nap|still there|still there\n", 1, true), said)
      assert.truthy(said:find("end: nil root/answers is down: error: as ordered DOWN", 1, true), said)
      assert.equal(0, process:stop())
    end)

    it("are all taken where there is room (the control)", function()
      local process = start("luvisor.defaults { mailbox = 200 }\n" .. tree(
        worker(pair[2], 'name = "hoards", module = "hoards", args = { count = 200 }') .. ","
        .. worker(pair[1], 'name = "sends", module = "sends", args = { count = 200 }, after = { hoards = "started" }')))
      assert.equal(0, process:wait(20))
      assert.truthy(process:stderr():find("has all, in order", 1, true), process:output())
      assert.falsy(process:stderr():find("refused", 1, true), process:output())
    end)

    it("are refused when the mailbox is full, and none that was taken is lost", function()
      local process = start("luvisor.defaults { mailbox = 40 }\n" .. tree(
        worker(pair[2], 'name = "hoards", module = "hoards", args = { count = 200 }') .. ","
        .. worker(pair[1], 'name = "sends", module = "sends", args = { count = 200 }, after = { hoards = "started" }')))
      process:expect "root/hoards has all, in order"
      assert.equal(0, process:wait(10))
      local count = tonumber(process:stderr():match "sends refused after (%d+): mailbox full, EAGAIN")
      assert.truthy(count, process:output())
      assert.is_true(count >= 40 and count <= 3 * 40, count) -- as many again may be under way to each runtime
      assert.truthy(process:stderr():find("sends sent all", 1, true))
      assert.falsy(process:stderr():find("dropped", 1, true), process:output())
    end)
  end)
end
