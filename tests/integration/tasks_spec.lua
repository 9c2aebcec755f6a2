-- SPDX-License-Identifier: Apache-2.0
-- Tasks on every executor: where they run is one word.

local executors = require "executors"

for _, executor in ipairs { "coroutine", "thread", "process", "shell" } do
  describe("tasks with executor = " .. executor, function()
    before_each(executors.set_up)
    after_each(executors.clean_up)

    it("return, fail, are stopped, come one after the other, and end with their owner", function()
      local process = executors.start(executors.tree(executors.worker("coroutine", 'name = "echo", module = "echo"')
        .. "," .. executors.worker("coroutine", ('name = "tasks", module = "tasks", args = { executor = %q }, '
        .. 'after = { echo = "ready" }, restart = "temporary"'):format(executor))))
      process:expect("root/tasks all said", 30)
      process:expect("exit root/tasks/task:%d+: killed", 30)
      local said = process:stderr()
      for _, line in ipairs { "module: 49, unit root/tasks, root/echo, 7\n", "function: task, 2, nil, x\n",
        "stream: 1, 4, 9, 16, 25\n", "notified: true, 9\n", "late: nil, timeout, ETIMEDOUT\n" } do
        assert.truthy(said:find("root/tasks " .. line, 1, true), line .. said)
      end
      assert.truthy(said:find "error: nil, root/tasks/task:3 has ended: error: [^\n]*square.lua:2: negative", said)
      assert.truthy(said:find "stopped: nil, root/tasks/task:%d has ended: [^\n]*, FAILED", said)
      assert.equal(0, process:stop())
    end)
  end)
end
