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

  it("are functions of modules, too", function()
    package.preload["a.task"] = function() return function(_, x) return x * 2 end end
    package.preload["no.task"] = function() return { 1 } end
    finally(function() package.preload["a.task"], package.preload["no.task"] = nil, nil end)
    assert.equal(42, talk:run("a", function(self) return self:task("a.task", 21):join() end))
    assert.matches("needs a function, and it returns a table", (select(2, talk:run("a", function(self)
      return self:task "no.task"
    end))))
    assert.matches("no module nowhere.task", (select(2, talk:run("a", function(self)
      return self:task "nowhere.task"
    end))))
  end)

  it("say what is wrong with them, at their owner", function()
    local function why(what)
      return talk:run("a", function(self) return select(2, self:task(what)) end)
    end
    assert.matches("memory: needs an executor of its own", why { print, memory = "1MB" })
    assert.matches("expected a function or the name of a module, got nil", why {})
    assert.matches('unknown executor "thraed", did you mean "thread"', why { function() end, executor = "thraed" })
    assert.matches("a function of C's cannot be sent", why { print, executor = "thread" })
    assert.matches("uses world of where it was made", why { function() return world end, executor = "thread" })
    assert.matches('"memry": unknown key, did you mean "memory"',
      why { function() end, executor = "thread", memry = 1 })
  end)

  it("belong to the worker that starts them by luvisor.task, and answer by a function", function()
    local luvisor = require "luvisor"
    local got
    local before = task.count()
    talk:run("a", function(self)
      luvisor.task(function(its) its:sleep(1000) end)
      return self.path
    end)
    assert.equal(before + 1, task.count())
    world:unit("a"):fail(require("luvisor.core.exit").new { kind = "error", message = "x" })
    world:step(0.5)
    assert.equal(before, task.count())
    luvisor.task(function(its, x) its:sleep(1) return x, its.path end, "from outside", function(...) got = { ... } end)
    world:step(2)
    assert.same({ "from outside", "root/task:" }, { got[1], (got[2]:gsub("%d+$", "")) })
  end)

  it("of nobody in particular end with the tree", function()
    local luvisor = require "luvisor"
    local code
    luvisor.task(function(its) its:sleep(1000) end, function(...) code = select(3, ...) end)
    world:stop(10)
    assert.equal("FAILED", code)
    assert.same({ nil, "root is not running", "NOT_RUNNING" }, { luvisor.task(function() end) })
  end)
end)
