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

for _, executor in ipairs { "thread", "process" } do
  describe("tasks in the runtime of a worker with executor = " .. executor, function()
    before_each(executors.set_up)
    after_each(executors.clean_up)

    it("fail, return and are waited for there", function()
      local module = [[
        local owner = require "luvisor.worker".define()
        owner:actor("running", { every = 0.1 }, function(self)
          if self.stopping then return "complete" end
          if self.said then return "keepalive" end
          self.said = true
          local failed, _, code = self:task(function(its) its:sleep(0.05) error "no" end):join()
          self.log:info("failed: %s, %s", failed, code)
          self.log:info("returned: %s", self:task(function(its) its:sleep(0.05) return 7 end):join())
          self:sleep(0.1) -- by then the host has been told of all there is
          self.log:info("said all")
          return "keepalive"
        end)
        return owner
      ]]
      executors.write_module("owner", module)
      local process = executors.start(executors.tree(executors.worker(executor, 'name = "owner", module = "owner"')))
      process:expect("root/owner said all", 30)
      local said = process:stderr()
      assert.truthy(said:find("failed: nil, FAILED", 1, true), said)
      assert.truthy(said:find("returned: 7", 1, true), said)
      assert.falsy(said:find "error luvisor", said)
      assert.equal(0, process:stop())
    end)
  end)
end
