-- SPDX-License-Identifier: Apache-2.0
local talkers = require "talkers"
local task = require "host.task"
local worlds = require "world"

describe("tasks", function()
  local world, talk

  before_each(function()
    world = worlds.new()
    talk = talkers.new(world, {}, "a")
  end)

  after_each(function() world:close() end)

  it("give what they return", function()
    assert.same({ 3, "x" }, { talk:run("a", function(self)
      return self:task(function(_, one, two) return one + two, "x" end, 1, 2):join()
    end) })
  end)

  it("run beside their owner, and each other", function()
    local took = talk:run("a", function(self)
      local before, list = self._unit.env.now(), {}
      for i = 1, 5 do list[i] = self:task(function(its) its:sleep(1) end) end
      for _, one in ipairs(list) do one:join() end
      return self._unit.env.now() - before
    end)
    assert.is_true(took < 1.5, took)
  end)

  it("give the exit where they fail, to all who ask", function()
    local _, message, code, exit, again = talk:run("a", function(self)
      local one = self:task(function() error("oh no", 0) end)
      local value, message, code, exit = one:join()
      return value, message, code, exit, (select(3, one:join()))
    end)
    assert.matches("root/a/task:%d+ has ended: error: oh no", message)
    assert.same({ "FAILED", "error", "FAILED" }, { code, exit.kind, again })
  end)

  it("are waited for no longer than asked", function()
    assert.equal("ETIMEDOUT", select(3, talk:run("a", function(self)
      return self:task(function(its) its:sleep(5) end):join(1)
    end)))
  end)

  it("end with their owner", function()
    talk:run("a", function(self) self:task(function(its) its:sleep(1000) end) end)
    local before = task.count()
    world:unit("a"):fail(require("luvisor.core.exit").new { kind = "error", message = "x" })
    world:step(0.5)
    assert.equal(before - 1, task.count())
  end)

  it("end when they are told to", function()
    assert.same({ false, "FAILED" }, { talk:run("a", function(self)
      local one = self:task(function(its) its:sleep(1000) end)
      self:sleep(0.1)
      one:stop()
      local code = select(3, one:join())
      return one:is_alive(), code or "FAILED"
    end) })
  end)

  it("tell their owner", function()
    assert.same({ true, "task", true, 42, "task", false }, { talk:run("a", function(self)
      local one = self:notify_task(function() return 42 end)
      local what, id, ok, value = self:receive()
      self:notify_task(function() error("x") end)
      local second, _, failed = self:receive()
      return id == one.id, what, ok, value, second, failed
    end) })
  end)

  it("share nothing", function()
    assert.is_true(talk:run("a", function(self)
      local given = { 1 }
      self:task(function(_, list) list[1] = 2 end, given):join()
      return given[1] == 1
    end))
    assert.equal("EINVAL", select(3, talk:run("a", function(self)
      return self:task(function() end, print)
    end)))
  end)

  it("run through a list, some at a time, in its order", function()
    local most, running = 0, 0
    local got = talk:run("a", function(self)
      local list = {}
      local function work(its, n)
        running = running + 1
        most = math.max(most, running)
        its:sleep((11 - n) / 10)
        running = running - 1
        return n * n
      end
      for index, square in self:stream({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, work, { concurrency = 3 }) do
        list[index] = square
      end
      return list
    end, 20)
    assert.same({ 1, 4, 9, 16, 25, 36, 49, 64, 81, 100 }, got)
    assert.equal(3, most)
  end)
end)
