-- SPDX-License-Identifier: Apache-2.0
-- Examples that are about executors, on each of them: where they run is one word.

local host = require "host"

local function run(name, env)
  return host.spawn({ "run", "examples/" .. name .. ".lua" }, env)
end

describe("example", function()
  after_each(host.clean_up)

  for _, executors in ipairs { "coroutine coroutine", "thread coroutine", "process thread", "coroutine process" } do
    it("task_queue loses no job with " .. executors, function()
      local tree = run("task_queue", { EXECUTORS = executors })
      tree:expect("helper1 ended: error: what was this job%?, restarts\n", 30)
      tree:expect("queue job %d+ was lost with office/helpers/helper1\n", 30)
      tree:expect("queue all 60 jobs are done, the last one is %d+\n", 30)
      assert.equal(0, tree:stop())
    end)
  end

  for _, executor in ipairs { "coroutine", "thread", "process" } do
    it("runaway is found and ended, and hurts nobody, executor = " .. executor, function()
      local tree = run("runaway", { EXECUTOR = executor })
      tree:expect("runaway ended: timeout: heartbeat[^\n]*, restarts\n", 30, 2)
      tree:expect("steady beat %d+\n", 30, 2)
      assert.equal(0, tree:count "steady ended")
      assert.equal(0, tree:stop())
    end)

    it("nested gives up branch by branch, executor = " .. executor, function()
      local code, _, log = host.run({ "run", "examples/nested.lua" }, { EXECUTOR = executor }, 40)
      assert.equal(1, code, log)
      assert.equal(4, select(2, log:gsub("nested/right idle %-> starting", "")))
      assert.equal(1, select(2, log:gsub("nested/left/steady idle %-> starting", "")))
      assert.truthy(log:find "caused by: error: more than 1 restart within 5 s", log)
    end)
  end

  for _, executor in ipairs { "thread", "process" } do
    it("memory_hog is told as that, executor = " .. executor, function()
      local tree = run("memory_hog", { EXECUTOR = executor })
      tree:expect("hog ended: memory: not enough memory, restarts\n", 30)
      tree:expect("hog FATAL: memory: not enough memory\n", 30)
      assert.equal(0, tree:count "neighbour ended")
      assert.equal(0, tree:stop())
    end)
  end
end)
