-- SPDX-License-Identifier: Apache-2.0
-- sleep, await, yield and park.

local luvisor = require "luvisor"
local runtime = require "host.runtime"
local task = require "host.task"
local workers = require "luvisor.worker"
local worlds = require "world"

describe("a worker that waits", function()
  local world, got

  before_each(function() world, got = worlds.new(), {} end)
  after_each(function() world:close() end)

  --- Runs body(self) once as the actor of a worker "w", and keeps what it returns or raises in `got`.
  local function once(body, keys)
    local definition = workers.define()
    definition:actor("running", { every = 1 }, function(self)
      if not self.once then
        self.once = true
        got = table.pack(pcall(body, self))
        got.at = world.env.now()
      end
      return self.stopping and "complete" or "keepalive"
    end)
    local spec = { name = "w", module = definition, restart = "temporary" }
    for key, value in pairs(keys or {}) do spec[key] = value end
    world:tree { luvisor.worker(spec), world:worker "other" }
  end

  local function returned()
    return table.unpack(got, 1, got.n)
  end

  describe("in sleep", function()
    it("wakes when the time is over, and not before", function()
      once(function(self) return self:sleep(1.5) end)
      local began = world.env.now()
      world:step(1.4)
      assert.is_nil(got.n)
      world:step(0.2)
      assert.same({ true, true }, { returned() })
      assert.is_true(math.abs(got.at - began - 1.5) < 1e-6)
    end)

    it("wakes early when a stop arrives, and says so", function()
      once(function(self) return self:sleep(1.5) end)
      world:step(0.5)
      assert.is_true(world:call("terminate_child", "root", "w"))
      assert.same({ true, nil, "stopping", "ECANCELED", n = 4 }, { got[1], got[2], got[3], got[4], n = got.n })
    end)

    it("takes no time at all, and less than that, as giving way", function()
      once(function(self)
        return self:sleep(0), self:sleep(-3), self:yield()
      end)
      world:step(0.01)
      assert.same({ true, true, true, true }, { returned() })
    end)

    it("refuses what is no time", function()
      once(function(self) self:sleep "soon" end)
      assert.is_false(got[1])
      assert.truthy(tostring(got[2]):find("number expected", 1, true))
    end)

    it("refuses a place that cannot wait "
      .. "(sync_worker_raises_on_async_hook, async_worker_raises_on_sync_hook)", function()
      once(function(self) table.sort({ 3, 1, 2 }, function(a, b) self:sleep(0.1) return a < b end) end)
      assert.is_false(got[1])
      assert.truthy(tostring(got[2]):find("this place cannot wait", 1, true))
    end)

    it("works in pcall, metamethods and iterators", function()
      once(function(self)
        local meta = setmetatable({}, { __add = function(_, n) self:sleep(0.1) return n end })
        local sum = 0
        for n in function(_, last) self:sleep(0.1) return last < 2 and last + 1 or nil end, nil, 0 do sum = sum + n end
        return select(2, pcall(function() self:sleep(0.1) return meta + 4 end)) + sum
      end)
      world:step(1)
      assert.same({ true, 7 }, { returned() })
    end)

    it("refuses a coroutine of the worker's own, which it could not wake", function()
      once(function(self)
        local co = coroutine.create(function() self:sleep(0.1) end)
        return coroutine.resume(co)
      end)
      world:step(3)
      assert.is_true(got[1])
      assert.is_false(got[2])
      assert.equal("running", world:phase "w")
    end)

    it("is nothing outside of workers", function()
      assert.error_matches(function() task.sleep(1) end, "not inside a worker")
      assert.error_matches(function() task.beat() end, "not inside a worker")
      assert.error_matches(function() task.await(print) end, "not inside a worker")
      assert.is_nil(task.current())
    end)
  end)

  describe("in await", function()
    it("gets what the callback is given, when that comes later", function()
      once(function(self)
        return self:await(function(a, callback) runtime.after(0.5, callback, a, "x") return true end, "v")
      end)
      world:step(0.5)
      assert.same({ true, "v", "x" }, { returned() })
    end)

    it("gets it when the callback comes at once, nils too", function()
      once(function(self)
        return self:await(function(callback) callback(nil, "e", nil) end)
      end)
      assert.same({ true, nil, "e", nil, n = 4 }, { got[1], got[2], got[3], got[4], n = got.n })
    end)

    it("gets nothing when it is given nothing", function()
      once(function(self) return self:await(function(callback) callback() end) end)
      assert.same({ true, n = 1 }, { got[1], n = got.n })
      world:close()
      world = worlds.new()
      once(function(self) return self:await(function(callback) runtime.post(callback) end) end)
      world:step(0)
      assert.equal("running", world:phase "w")
      assert.is_true(got[1])
    end)

    it("returns at once what refused to start, the error first as in a callback", function()
      once(function(self) return self:await(function() return nil, "EBADF: bad", "EBADF" end) end)
      assert.same({ true, "EBADF: bad", nil, "EBADF" }, { got[1], got[2], got[3], got[4] })
    end)

    it("raises what starting raises", function()
      once(function(self) return self:await(function() error("no", 0) end) end)
      assert.same({ false, "no" }, { returned() })
      world:close()
      world = worlds.new()
      once(function(self) return self:await(nil) end)
      assert.is_false(got[1])
    end)

    it("takes only the first call, and none for another wait (generation fencing)", function()
      local callbacks = {}
      once(function(self)
        local function keep(callback) callbacks[#callbacks + 1] = callback end
        return self:await(keep), self:await(keep)
      end)
      callbacks[1]("one")
      callbacks[1]("again")
      world:step(0)
      assert.is_nil(got.n)
      callbacks[1]("late")
      world:step(0)
      assert.is_nil(got.n)
      callbacks[2]("two")
      world:step(0)
      assert.same({ true, "one", "two" }, { returned() })
    end)

    it("hears nothing more when it has ended, nor does its next generation", function()
      local callbacks = {}
      once(function(self)
        return self:await(function(callback) callbacks[#callbacks + 1] = callback end)
      end, { restart = "permanent" })
      world:step(2.5)
      assert.equal(2, #callbacks)
      got = {}
      callbacks[1]("stale")
      world:step(0)
      assert.is_nil(got.n)
      callbacks[2]("fresh")
      world:step(0)
      assert.same({ true, "fresh" }, { returned() })
    end)

    it("can be cancelled where the callback never comes", function()
      once(function(self) return self:await(function() end) end)
      world:step(2.1)
      assert.is_false(got[1])
      assert.truthy(tostring(got[2]):find("cancelled", 1, true))
      assert.equal("timeout: heartbeat 2 s in running", tostring(world:events_of("exit", "w")[1].exit))
    end)

    it("serves a real luv function", function()
      local uv = require "luv"
      once(function(self)
        local err, stat = self:await(uv.fs_stat, "/")
        return err, stat and stat.type
      end)
      while not got.n do
        uv.run "once"
        world:step(0)
      end
      assert.same({ true, nil, "directory" }, { got[1], got[2], got[3] })
    end)
  end)

  describe("in park", function()
    it("is woken with values by its number, and by nothing else", function()
      local id, number
      once(function()
        id, number = task.current()
        return task.park()
      end)
      assert.is_false(task.wake(id, number + 1, "no"))
      assert.is_false(task.wake(id + 1, number, "no"))
      assert.is_true(task.wake(id, number, "yes", 2))
      assert.is_false(task.wake(id, number, "twice"))
      world:step(0)
      assert.same({ true, "yes", 2 }, { returned() })
    end)

    it("has a time limit", function()
      once(function() return task.park(1) end)
      world:step(1)
      assert.same({ true, nil, "timeout", "ETIMEDOUT", n = 4 }, { got[1], got[2], got[3], got[4], n = got.n })
    end)
  end)
end)
