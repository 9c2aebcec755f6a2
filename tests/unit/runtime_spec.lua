-- SPDX-License-Identifier: Apache-2.0
-- host.runtime and host.task: timers, posted calls, fairness, and that a fault stays where it is.

local luvisor = require "luvisor"
local runtime = require "host.runtime"
local task = require "host.task"
local workers = require "luvisor.worker"
local worlds = require "world"

describe("the runtime", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  describe("has timers that", function()
    it("go off in the order in which they are due, equal ones in that of arming", function()
      local order = {}
      local function note(a, b) order[#order + 1] = a .. b end
      runtime.after(0.3, note, "c", 1)
      runtime.after(0.1, note, "a", 1)
      runtime.after(0.2, note, "b", 1)
      runtime.after(0.1, note, "a", 2)
      runtime.after(0.1, note, "a", 3)
      world:step(0.25)
      assert.same({ "a1", "a2", "a3", "b1" }, order)
      world:step(0.1)
      assert.equal("c1", order[5])
    end)

    it("count by the real or by the served clock, which here are the same", function()
      local fired = {}
      runtime.after(1, function() fired[#fired + 1] = "after" end)
      runtime.deadline(1, function() fired[#fired + 1] = "deadline" end)
      world:step(0.999)
      assert.same({}, fired)
      world:step(0.001)
      table.sort(fired)
      assert.same({ "after", "deadline" }, fired)
    end)

    it("are never called before their function returns, not with 0 seconds either", function()
      local called = 0
      runtime.after(0, function() called = called + 1 end)
      runtime.after(-5, function() called = called + 1 end)
      runtime.after(0 / 0, function() called = called + 1 end)
      assert.equal(0, called)
      world:step(0.001)
      assert.equal(3, called)
    end)

    it("can be cancelled, also twice, by each other, and after they went off", function()
      local fired = {}
      local first, second
      first = runtime.after(0.1, function()
        fired[#fired + 1] = "first"
        runtime.cancel(second)
      end)
      second = runtime.after(0.1, function() fired[#fired + 1] = "second" end)
      local third = runtime.deadline(0.1, function() fired[#fired + 1] = "third" end)
      runtime.cancel(third)
      runtime.cancel(third)
      world:step(1)
      runtime.cancel(first)
      runtime.cancel(nil)
      assert.same({ "first" }, fired)
      assert.has_error(function() runtime.cancel "no timer" end)
      assert.has_error(function() runtime.cancel(io.stdout) end)
    end)

    it("may arm others from within, and reach days ahead", function()
      local times, began = {}, world.env.now()
      local function again(n)
        times[#times + 1] = world.env.now() - began
        if n > 0 then runtime.after(86400, again, n - 1) end
      end
      runtime.after(1, again, 3)
      world:step(300000)
      assert.equal(4, #times)
      assert.is_true(math.abs(times[4] - (1 + 3 * 86400)) < 0.002)
    end)

    it("are kept alive while armed, and let go after", function()
      local kept = setmetatable({}, { __mode = "k" })
      local fired = 0
      do
        local big = {}
        kept[big] = true
        runtime.after(1, function() fired = fired + #big + 1 end, big)
      end
      collectgarbage()
      assert.is_not_nil(next(kept))
      world:step(1)
      assert.equal(1, fired)
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(kept))
    end)

    it("find time going by in steps, however far the step", function()
      local count = 0
      local function tick() count = count + 1 runtime.after(0.1, tick) end
      runtime.after(0.1, tick)
      world:step(100)
      assert.is_true(count >= 999 and count <= 1000, count)
    end)
  end)

  describe("has posted calls that", function()
    it("are made in order, with three arguments, after those posted before", function()
      local order = {}
      for i = 1, 100 do
        runtime.post(function(a, b, c)
          order[#order + 1] = a
          assert(b == "b" and c == nil or c == "c")
          if a == 50 then runtime.post(function() order[#order + 1] = "late" end) end
        end, i, "b", i % 2 == 0 and "c" or nil)
      end
      assert.same({}, order)
      world:step(0)
      assert.equal(101, #order)
      for i = 1, 100 do assert.equal(i, order[i]) end
      assert.equal("late", order[101])
    end)

    it("do not stop for one that fails", function()
      local called = 0
      runtime.post(function() error "posted" end)
      runtime.post(function() called = called + 1 end)
      runtime.after(0.1, function() error "timer" end)
      runtime.after(0.1, function() called = called + 1 end)
      world:step(1)
      assert.equal(2, called)
      local faults = table.concat(world:messages "fault", "\n")
      assert.truthy(faults:find("posted", 1, true))
      assert.truthy(faults:find("timer", 1, true))
      assert.truthy(faults:find("runtime_spec.lua", 1, true))
    end)

    it("are not kept from being collected once made", function()
      local kept = setmetatable({}, { __mode = "k" })
      do
        local argument = {}
        kept[argument] = true
        runtime.post(function() end, argument)
      end
      world:step(0)
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(kept))
    end)
  end)

  describe("runs tasks", function()
    it("ten thousand of them, each its turn every second", function()
      local calls = {}
      local definition = workers.define()
      definition:actor("running", { every = 1 }, function(self)
        calls[self.name] = (calls[self.name] or 0) + 1
        return self.stopping and "complete" or "keepalive"
      end)
      local children = {}
      for i = 1, 10000 do children[i] = luvisor.worker { name = "w" .. i, module = definition } end
      world:close()
      world = worlds.new { quiet = true }
      world:tree(children)
      assert.equal(10000, task.count())
      world:step(10)
      for i = 1, 10000 do assert.equal(11, calls["w" .. i]) end
      world:stop()
      assert.equal("shutdown", world.ended.kind)
      assert.equal(0, task.count())
    end)

    it("with a spinning one among them, which starves nobody", function()
      local definition, spins = workers.define(), 0
      definition:actor("running", function(self)
        spins = spins + 1
        return self.stopping and "complete" or "keepalive"
      end)
      world:tree { luvisor.worker { name = "spinner", module = definition }, "a", "b" }
      world:step(10)
      assert.is_true(spins > 5000)
      assert.same({ 1, 1 }, { world:generations("a", "b") })
      assert.same({}, world:heard "restart")
    end)

    it("whose handles are good for one task only", function()
      world:tree { "a", "b" }
      local stale = world:unit("a").task
      world:crash "a"
      local fresh = world:unit("a").task
      assert.not_equal(stale, fresh)
      task.close(stale)
      task.fail(stale)
      task.nudge(stale)
      task.limit(stale, "stop", 0.001)
      assert.is_false(task.cancel(stale))
      assert.is_false(task.wake(stale, 1))
      for _, nonsense in ipairs { -1, 0x7fffffffffffffff, 1 << 31, 12345678 } do
        task.close(nonsense)
        assert.is_false(task.cancel(nonsense))
      end
      world:step(60)
      assert.same({ "running", 2 }, { world:phase "a", world:unit("a").generation })
    end)

    it("and gives their slots away again", function()
      world:tree { world:supervisor("p", { strategy = "simple_one_for_one",
        template = world:worker("w", { restart = "temporary" }) }) }
      local handles = {}
      for _ = 1, 1000 do
        local child = world:call("start_child", "p")
        handles[child.task & 0xffffffff] = true
        world:call("terminate_child", "p", child)
      end
      local used = 0
      for _ in pairs(handles) do used = used + 1 end
      assert.is_true(used <= 2, used)
      assert.equal(0, task.count())
    end)

    it("whose errors, in actors, hooks and closing variables, touch nobody else", function()
      local definition = workers.define()
      definition:actor("running", { every = 0.1 }, function()
        local _ <close> = setmetatable({}, { __close = function() error "close" end })
        error "actor"
      end)
      definition:leave("running", function() error "hook" end)
      world:tree { luvisor.worker { name = "w", module = definition, backoff = { min = 0.1, max = 0.2, jitter = 0 } },
        "a", "b" }
      world:step(30)
      assert.is_true(world:unit("w").generation > 50)
      assert.same({ "running", "running", 1, 1 },
        { world:phase "a", world:phase "b", world:generations("a", "b") })
    end)
  end)

  it("tells of memory", function()
    local used, peak = runtime.memory()
    assert.is_true(used > 100000 and peak >= used)
  end)
end)
