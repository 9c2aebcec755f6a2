-- SPDX-License-Identifier: Apache-2.0
-- Requests that go the short way, through host.mailbox: all that holds for others holds for them. The first request to
-- an address goes the long way, so each of these says something before.
local exit = require "luvisor.core.exit"
local luvisor = require "luvisor"
local mailbox = require "luvisor.machine.message.mailbox"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local function server()
  local definition = worker.define()
  definition:actor("starting", function(self)
    self.seen = {}
    return "run"
  end)
  definition:call("echo", function(_, ...) return ... end)
  definition:call("keep", function(self, value)
    self.kept = value
    return value
  end)
  definition:call("seen", function(self)
    local seen = table.concat(self.seen, " ")
    self.seen = {}
    return seen
  end)
  definition:cast("note", function(self, ...)
    for i = 1, select("#", ...) do table.insert(self.seen, tostring((select(i, ...)))) end
  end)
  definition:call("slow", function(self, seconds)
    self:sleep(seconds)
    return "slept"
  end)
  definition:call("fail", function() error("as ordered", 0) end)
  definition:call("later", function(self)
    self.deferred = self:defer()
    return "ignored"
  end)
  definition:call("later_fail", function(self)
    self:defer()
    error("as ordered", 0)
  end)
  definition:cast("now", function(self) self:reply(self.deferred, "at last") end)
  definition:call("unsendable", function() return print end)
  definition:cast("finish", function() return "complete" end)
  definition:call("finish", function(self)
    self:event "complete"
    return "done"
  end)
  definition:cast("wait", function(self, what)
    if not self.open then return luvisor.postpone end
    table.insert(self.seen, what)
  end)
  return definition
end

describe("the short way", function()
  local world, talk

  before_each(function()
    world = worlds.new()
    talk = talkers.new(world, { server = { server(), mailbox = 10 } }, "a", "b")
    talk:run("a", function(self) return self:call("server", "echo") end)
    talk:run("a", function(self) return self:cast("server", "note") end)
  end)

  after_each(function() world:close() end)

  local function run(fn) return talk:run("a", fn) end
  local function queue() return world:unit("server").instance._queue end

  it("is taken (the control)", function()
    local env = world:unit("server").env
    local copied, letter = 0, env.codec.letter
    env.codec.letter = function(...)
      copied = copied + 1
      return letter(...)
    end
    run(function(self) return self:call("server", "echo", 1), self:cast("server", "note", 1) end)
    env.mail.forget()
    run(function(self) return self:call("server", "echo", 1), self:cast("server", "note", 1) end)
    env.codec.letter = letter
    assert.equal(1, copied)
  end)

  it("brings values as they are, and copies of tables", function()
    assert.same({ 1, nil, 2.5, "x", n = 4 }, table.pack(run(function(self)
      return self:call("server", "echo", 1, nil, 2.5, "x")
    end)))
    assert.same({ nil, nil, n = 2 }, table.pack(run(function(self) return self:call("server", "echo", nil, nil) end)))
    assert.same({ n = 0 }, table.pack(run(function(self) return self:call("server", "echo") end)))
    assert.same({ true, false, "deep" }, { run(function(self)
      local mine = { deep = { "deep" } }
      local back = self:call("server", "keep", mine)
      return back ~= mine and back.deep ~= mine.deep, back == world:unit("server").instance.kept, back.deep[1]
    end) })
  end)

  it("refuses what cannot be sent, and raises what cannot be answered", function()
    assert.same({ nil, "cannot send a function at .x[1]", "EINVAL", n = 3 }, table.pack(run(function(self)
      return self:call("server", "echo", { x = { print } })
    end)))
    assert.same({ nil, "cannot send a function", "EINVAL", n = 3 }, table.pack(run(function(self)
      return self:cast("server", "note", print)
    end)))
    local _, message, code = run(function(self) return self:call("server", "unsendable") end)
    assert.matches("reply to call unsendable: cannot send a function", message)
    assert.equal("DOWN", code)
  end)

  it("keeps the order, with letters that go the other way, and with more values than it takes", function()
    assert.equal("1 2 3 4 5 6 7 8", run(function(self)
      self:cast("server", "note", 1)
      self:cast(luvisor.find "server", "note", 2)
      self:cast("server", "note", 3, 4, 5, 6, 7)
      self:cast("server", "note", 8)
      return self:call("server", "seen")
    end))
  end)

  it("refuses where the mailbox is full, and goes on when there is room", function()
    assert.same({ 10, "EAGAIN", "1 2 3 4 5 6 7 8 9 10", true }, { run(function(self)
      local taken = 0
      for i = 1, 20 do
        if self:cast("server", "note", i) then taken = taken + 1 end
      end
      local code = select(3, self:call("server", "seen"))
      self:sleep(0.1)
      return taken, code, self:call("server", "seen"), self:cast("server", "note", 1)
    end) })
  end)

  it("answers those who wait when the worker ends, whether they are served or not", function()
    local jobs = {}
    for i, name in ipairs { "a", "b" } do
      talk:run(name, function(self) return self:call("server", "echo") end)
      jobs[i] = talk:start(name, function(self) return self:call("server", "slow", 3) end)
    end
    world:unit("server"):fail(exit.new { kind = "error", message = "shot" })
    world:step(2)
    for i = 1, 2 do assert.equal("DOWN", jobs[i].out[3]) end
    assert.equal("x", run(function(self) return self:call("server", "echo", "x") end)) -- its next generation
  end)

  it("has a time, as the setting says, and drops the answer that is late", function()
    world.env.settings = { call_timeout = 0.5 }
    world.env.mail.forget()
    run(function(self) return self:call("server", "echo") end)
    local job = talk:start("a", function(self) return (select(3, self:call("server", "slow", 1))) end)
    world:step(0.4)
    assert.is_nil(job.out)
    world:step(0.2)
    assert.equal("ETIMEDOUT", job.out[1])
    world:step(1)
    assert.equal("x", run(function(self) return self:call("server", "echo", "x") end))
  end)

  it("tells of an error in the handler, and of a handler that is not there", function()
    assert.equal("NO_HANDLER", run(function(self) return (select(3, self:call("server", "ech"))) end))
    run(function(self) return self:cast("server", "ech") end)
    assert.matches('no handler for cast "ech"', table.concat(world:messages "warn", "\n"))
    assert.same({ "DOWN", "as ordered" }, { run(function(self)
      local _, _, code, why = self:call("server", "fail")
      return code, why.message
    end) })
  end)

  it("leads to whom the name means now", function()
    local function named(self) return self:call("boss", "echo", self.path) end
    talk:run("b", function(self) self:register "boss" end)
    assert.equal("NO_HANDLER", select(3, run(named)))
    luvisor.unregister "boss"
    world.env.registry:register("boss", world:unit "server")
    assert.equal("root/a", run(named))
    assert.equal("root/a", run(named))
    luvisor.unregister "boss"
    assert.equal("NOT_FOUND", select(3, run(named)))
  end)

  it("does not lead a worker to itself", function()
    run(function(self) return self:call("b", "x") end)
    talk:run("b", function(self) return self:cast("b", "x") end)
    assert.equal("EDEADLK", talk:run("b", function(self) return (select(3, self:call("b", "x"))) end))
  end)

  it("puts answers off", function()
    local job = talk:start("a", function(self) return self:call("server", "later") end)
    assert.is_nil(job.out)
    talk:run("b", function(self) return self:cast("server", "now") end)
    talk:run("b", function(self) return self:cast("server", "now") end)
    assert.equal("at last", job.out[1])
  end)

  it("takes events of casts, and of calls", function()
    run(function(self) return self:cast("server", "finish") end)
    world:step(0.1)
    assert.equal("done", world:phase "server")
  end)

  it("takes the event that a call sets, after its answer", function()
    assert.equal("done", run(function(self) return self:call("server", "finish") end))
    world:step(0.1)
    assert.equal("done", world:phase "server")
  end)

  it("counts, and can be watched", function()
    local handle = luvisor.find "server"
    local before, sent = handle:statistics(), luvisor.find("a"):statistics().sent
    local seen = {}
    handle:trace(function(_, kind, letter) seen[#seen + 1] = kind .. " " .. letter[1] end)
    run(function(self) return self:call("server", "echo"), self:cast("server", "note", 1) end)
    handle:trace(false)
    run(function(self) return self:call("server", "echo"), self:cast("server", "note", 1) end)
    world:step(0.1)
    assert.same({ "call echo", "cast note" }, seen)
    assert.equal(before.received + 4, handle:statistics().received)
    assert.equal(0, handle:statistics().waiting)
    assert.equal(sent + 4, luvisor.find("a"):statistics().sent)
  end)

  it("waits while the worker is suspended", function()
    local handle = luvisor.find "server"
    handle:suspend()
    local job = talk:start("a", function(self) return self:call("server", "echo", "x") end)
    world:step(1)
    assert.is_nil(job.out)
    assert.equal(1, (queue():waiting()))
    handle:resume()
    world:step(0.1)
    assert.equal("x", job.out[1])
  end)

  it("has requests come again, before later ones, after the next change of state", function()
    local definition = worker.define {
      fsm = luvisor.fsm {
        initial = "closed",
        transitions = { closed = { open = "opened" }, opened = { complete = luvisor.fsm.OK } },
      },
    }
    local heard = {}
    definition:cast("say", { state = "closed" }, function() return luvisor.postpone end)
    definition:cast("say", { state = "opened" }, function(_, what) heard[#heard + 1] = what end)
    definition:call("ask", { state = "closed" }, function() return luvisor.postpone end)
    definition:call("ask", { state = "opened" }, function(_, what) return what end)
    definition:cast("open", function() return "open" end)
    definition:actor("closed", { every = 1 }, function() return "keepalive" end)
    definition:actor("opened", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    world:close()
    world = worlds.new()
    talk = talkers.new(world, { door = definition }, "a", "b")
    local job = talk:start("a", function(self)
      for i = 1, 3 do self:cast("door", "say", i) end
      return self:call("door", "ask", "who")
    end)
    world:step(0.1)
    assert.is_nil(job.out)
    talk:run("b", function(self)
      self:cast("door", "open")
      self:cast("door", "say", 4)
    end)
    world:step(0.1)
    assert.same({ 1, 2, 3, 4 }, heard)
    assert.equal("who", job.out[1])
  end)

  it("is told once of the end, where its answer was to come later", function()
    local answers = {}
    local function answer(_, _, code) answers[#answers + 1] = code end
    mailbox.deliver(world:unit "server", { kind = "call", n = 1, "later_fail", answer = answer })
    world:step(1)
    assert.same({ "DOWN" }, answers)
  end)

  it("lets everybody have a turn, however many requests wait", function()
    world:close()
    world = worlds.new()
    talk = talkers.new(world, { server = server() }, "a", "b")
    assert.equal(900, run(function(self)
      for i = 1, 900 do assert(self:cast("server", "note", i)) end
      local _, last = self:call("server", "seen"):gsub("%d+", "")
      return last
    end))
    assert.equal(1, (run(function(self) return self:call("server", "echo", 1) end)))
  end)
end)
