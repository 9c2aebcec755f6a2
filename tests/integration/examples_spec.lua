-- SPDX-License-Identifier: Apache-2.0
-- The small examples do what their comments say.

local host = require "host"

local function run(name, env)
  return host.spawn({ "run", "examples/" .. name .. ".lua" }, env)
end

describe("example", function()
  after_each(host.clean_up)

  describe("one_worker", function()
    it("counts, fails at the fifth tick, and counts anew", function()
      local tree = run "one_worker"
      tree:expect "counter tick 5 of generation 1\n"
      tree:expect "counter ended: error: [^\n]*five is too many, restarts\n"
      tree:expect "counter tick 1 of generation 2\n"
      tree:expect "counter tick 3 of generation 3\n"
      assert.equal(0, tree:stop())
      tree:expect "counter terminating %-> stopped"
    end)
  end)

  describe("custom_fsm", function()
    it("goes its way through its own machine and ends well #valgrind", function()
      local code, _, log = host.run({ "run", "examples/custom_fsm.lua" }, nil, 20)
      assert.equal(0, code)
      assert.truthy(log:find("the way here: connected -> online, lost -> reconnecting, connected -> online, "
        .. "lost -> reconnecting, connected -> online\n", 1, true))
      assert.truthy(log:find("line online -> closed (hang_up)", 1, true))
      assert.equal(2, select(2, log:gsub("lost the line", "")))
    end)
  end)

  describe("three_executors", function()
    for _, executors in ipairs { "coroutine thread process", "process coroutine thread", "thread process coroutine" } do
      it("runs the same with " .. executors, function()
        local tree = run("three_executors", { EXECUTORS = executors })
        for _, name in ipairs { "light", "heavy", "apart/step" } do
          tree:expect("three/" .. name .. " has done three rounds, sum %d+\n")
        end
        tree:expect "three starting %-> running"
        assert.equal(0, tree:stop())
      end)
    end
  end)

  describe("pub_sub", function()
    for _, executors in ipairs {
      "coroutine coroutine coroutine", "thread process coroutine", "process thread process",
    } do
      it("tells all readers, also the one that was lost, with " .. executors, function()
        local tree = run("pub_sub", { EXECUTORS = executors })
        tree:expect "weather/station report 1 has 2 readers\n"
        tree:expect "weather/nervous ended: error: this is too much, restarts\n"
        tree:expect("weather/nervous reads report %d+\n", 10, 4)
        tree:expect("weather/reader reads report %d+\n", 10, 4)
        assert.equal(0, tree:stop())
      end)
    end
  end)

  describe("key_value", function()
    for _, executors in ipairs { "coroutine coroutine", "thread coroutine", "process thread" } do
      it("is found by its name, and missed when it is gone, with " .. executors, function()
        local tree = run("key_value", { EXECUTORS = executors })
        tree:expect "shelf/user the answer is 42\n"
        tree:expect "shelf/user hears that shelf/keeper is down: error: the store is lost\n"
        tree:expect("shelf/user the answer is 42\n", 10, 2)
        assert.equal(0, tree:stop())
      end)
    end
  end)

  describe("remote_shell", function()
    it("runs its workers at the other end of a pipe, and restarts the one that fails", function()
      local tree = run "remote_shell"
      tree:expect "remote/steady counts on from 0\n"
      tree:expect "remote/flaky ended: error: [^\n]*lost count, restarts in"
      local pid = tree:expect "remote/steady shell of generation 1 has pid (%d+)"
      require("luv").kill(tonumber(pid), "sigkill")
      tree:expect "remote/steady ended: signal 9 %(SIGKILL%), restarts\n"
      tree:expect "remote/steady shell of generation 2 has pid"
      tree:expect("remote/steady counts on from 0\n", 10, 2)
      assert.equal(0, tree:stop())
    end)
  end)

  describe("one_shot", function()
    it("does its steps in order and ends with 0 #valgrind", function()
      local code, _, log = host.run { "run", "examples/one_shot.lua" }
      assert.equal(0, code)
      assert.truthy(log:find("left half counted.*reported"), log)
      assert.truthy(log:find("right half counted.*reported"), log)
      assert.is_nil(log:find "restarts")
    end)
  end)

  describe("nested", function()
    local log
    setup(function()
      local code, _, said = host.run({ "run", "examples/nested.lua" }, nil, 20)
      assert.equal(1, code)
      log = said
    end)

    local function count(pattern) return select(2, log:gsub(pattern, "")) end

    it("contains the failure in its branch", function()
      assert.equal(1, count "nested/left/steady idle %-> starting")
      assert.equal(4, count "nested/right/steady idle %-> starting")
      assert.equal(8, count "nested/right/flaky idle %-> starting")
    end)

    it("gives up branch by branch, and names the cause of the cause", function()
      assert.equal(4, count "nested/right gives up: ")
      assert.equal(1, count " nested gives up: ")
      assert.truthy(log:find "caused by: error: more than 1 restart within 5 s")
      assert.truthy(log:find "caused by: error: [^\n]*cannot go on\n")
    end)
  end)

  describe("strategies", function()
    it("restarts whom each strategy says #valgrind", function()
      local tree = run "strategies"
      tree:expect("one_for_all/c starts, generation 2", 20)
      tree:expect("rest_for_one/c starts, generation 2", 20)
      tree:expect("one_for_one/b starts, generation 2", 20)
      assert.equal(0, tree:stop())
      local restarted = {}
      for unit in tree:output():gmatch "strategies/(%S+) starts, generation 2" do restarted[#restarted + 1] = unit end
      table.sort(restarted)
      assert.same({
        "one_for_all/a", "one_for_all/b", "one_for_all/c", "one_for_one/b", "rest_for_one/b", "rest_for_one/c",
      }, restarted)
      assert.is_nil(tree:output():find "generation 3")
    end)
  end)

  describe("backoff", function()
    it("paces restarts, gives up what never starts, and hurts nobody", function()
      local tree = run "backoff"
      tree:expect "missing FATAL: execve: No such file or directory: there%-is%-no%-such%-command\n"
      tree:expect "failing FATAL: exit 7\n"
      tree:expect "chosen FATAL: exit 3\n"
      tree:expect("retrying starting %-> running", 10, 4)
      for _, delay in ipairs { "0.1", "0.2", "0.4" } do
        for _, unit in ipairs { "retrying", "failing", "missing" } do
          assert.equal(1, tree:count(unit .. " ended: [^\n]*, restarts in " .. delay .. " s\n"))
        end
      end
      assert.equal(1, tree:count "chosen STOPPED %-> STARTING")
      assert.equal(0, tree:stop())
    end)
  end)

  describe("stuck_termination", function()
    it("ends everything in time", function()
      local tree = run "stuck_termination"
      tree:expect "stubborn STARTING %-> RUNNING"
      assert.equal(0, tree:stop(10))
      tree:expect "polite stopped: shutdown"
      tree:expect "deaf closed what it had open"
      tree:expect "deaf stopped: killed: did not stop within 1 s"
      tree:expect "stubborn did not end within 1 s, killing "
      tree:expect "stubborn stopped: killed"
    end)

    it("ends at once when it is told twice", function()
      local tree = run "stuck_termination"
      tree:expect "stubborn STARTING %-> RUNNING"
      tree:signal "sigint"
      tree:expect "stubborn RUNNING %-> STOPPING"
      tree:signal "sigint"
      assert.equal(0, (tree:wait(5)))
      tree:expect "SIGINT again: killing everything"
      assert.equal(0, tree:count "did not stop within")
    end)
  end)
end)
