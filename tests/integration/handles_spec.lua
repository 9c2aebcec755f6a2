-- SPDX-License-Identifier: Apache-2.0
-- What a worker does to others by their handles, wherever these run.
local executors = require "executors"

local modules = {
  puppet = [[
    local puppet = require "luvisor.worker".define()
    puppet:actor("starting", function() return "run" end)
    puppet:call("generation", function(self) return self.generation end)
    puppet:call("slow", function(self, seconds)
      self:sleep(seconds)
      return "slept"
    end)
    return puppet
  ]],
  master = [[
    local luvisor = require "luvisor"
    local master = require "luvisor.worker".define()
    local paths = { "coroutine", "thread", "process", "sub/coroutine", "sub/thread" }
    master:actor("starting", function(self)
      self:extend(60)
      for _, path in ipairs(paths) do
        path = "root/" .. path
        local done, message = luvisor.find(path):restart(20)
        print(path, done or message, self:call(path, "generation"))
      end
      local puppet = luvisor.find "root/coroutine"
      self:cast("root/coroutine", "nothing")
      local task = self:task(function(its) return its:call("root/coroutine", "slow", 0.2) end)
      self:sleep(0.1)
      print("suspended", puppet:suspend())
      print("served", task:join())
      puppet:resume()
      print("all done", self:call("root/coroutine", "slow", 0))
      return "run"
    end)
    return master
  ]],
  target = [[
    local target = require "luvisor.worker".define()
    target:actor("starting", function(self)
      self.wrong = 0
      return "run"
    end)
    target:cast("hit", function(self, number)
      if number ~= self.args.number then self.wrong = self.wrong + 1 end
    end)
    target:call("wrong", function(self) return self.wrong end)
    return target
  ]],
  archer = [[
    local archer = require "luvisor.worker".define()
    local LONG, TARGETS, ROUNDS = ("t"):rep(50), 20, 10
    archer:actor("running", { every = 0.001 }, function(self)
      self.round = (self.round or 0) + 1
      for i = 1, TARGETS do
        self:cast(("root/%s%02d"):format(LONG, i), "hit", i)
        collectgarbage() -- the next target may come to lie where this one has been
      end
      if self.round < ROUNDS then return "keepalive" end
      local wrong = 0
      for i = 1, TARGETS do wrong = wrong + self:call(("root/%s%02d"):format(LONG, i), "wrong") end
      print("gone wrong: " .. wrong)
      return "complete"
    end)
    return archer
  ]],
}

describe("handles", function()
  before_each(function() executors.set_up(modules) end)
  after_each(executors.clean_up)

  local worker = executors.worker

  it("restart a worker that has its own runtime, in a guest as well, and hold one in the middle of a turn", function()
    local process = executors.start(executors.tree(table.concat({
      worker("coroutine", 'name = "coroutine", module = "puppet"'),
      worker("thread", 'name = "thread", module = "puppet"'),
      worker("process", 'name = "process", module = "puppet"'),
      ('luvisor.supervisor { name = "sub", executor = "process", children = { %s, %s } }'):format(
        worker("coroutine", 'name = "coroutine", module = "puppet"'),
        worker("thread", 'name = "thread", module = "puppet"')),
      worker("coroutine", 'name = "master", module = "master", after = { sub = "ready" }, start_timeout = 90'),
    }, ", ")))
    process:expect("all done\tslept", 60)
    for _, path in ipairs { "coroutine", "thread", "process", "sub/coroutine", "sub/thread" } do
      assert.truthy(process:stdout():find(("root/%s\tunit root/%s\t2"):format(path, path), 1, true), process:stdout())
    end
    assert.truthy(process:stdout():find("suspended\ttrue\tfalse", 1, true), process:stdout())
    assert.falsy(process:stderr():find("attempt to call", 1, true), process:stderr())
    assert.equal(0, process:stop())
  end)

  it("cast to whom a long target means, though its text lies where that of another has been", function()
    local list = {}
    for i = 1, 20 do
      local keys = 'name = "%s%02d", module = "target", args = { number = %d }'
      list[i] = worker("coroutine", keys:format(("t"):rep(50), i, i))
    end
    list[21] = worker("coroutine", 'name = "archer", module = "archer", restart = "temporary"')
    local process = executors.start(executors.tree(table.concat(list, ", ")))
    process:expect("gone wrong: 0\n", 30)
    assert.equal(0, process:stop())
  end)
end)
