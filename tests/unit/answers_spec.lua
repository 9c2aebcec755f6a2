-- SPDX-License-Identifier: Apache-2.0
-- Answers that fail: whoever waits for one is told, however the worker comes out of it; and no request is mistaken for
-- another.
local luvisor = require "luvisor"
local posts = require "luvisor.machine.message.post"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local function server()
  local definition = worker.define()
  definition:actor("starting", function() return "run" end)
  definition:call("echo", function(_, ...) return ... end)
  definition:call("fail", function() error("as ordered", 0) end)
  definition:call("unsendable", function() return print end)
  definition:call("unsendable with an event", function(self)
    self:event "complete"
    return print
  end)
  definition:call("put off", function(self) self.deferred = self:defer() end)
  definition:call("unsendable later", function(self) self:reply(self:defer(), print) end)
  definition:cast("answer", function(self, how)
    if how == "badly" then pcall(self.reply, self, self.deferred, print) end
    self:reply(self.deferred, "at last")
  end)
  return definition
end

-- It never gets out of its actor: it serves only in receive, and lives through what fails there.
local function survivor()
  local definition = server()
  definition:actor("running", function(self)
    while not self.stopping do pcall(self.receive, self, "nothing", 0.5) end
    return "complete"
  end)
  return definition
end

describe("an answer that fails", function()
  local world, talk

  after_each(function() world:close() end)

  local function begin(definition)
    world = worlds.new()
    talk = talkers.new(world, { server = definition }, "a", "b")
    talk:run("a", function(self) return self:call("server", "echo") end)
  end

  -- seconds it took, message, code
  local function ask(what)
    return talk:run("a", function(self)
      local before = world.env.now()
      local _, message, code = self:call("server", what)
      return world.env.now() - before, message, code
    end)
  end

  for _, what in ipairs { "unsendable", "unsendable with an event", "unsendable later" } do
    it("ends the worker, and the caller is told: " .. what, function()
      begin(server())
      local took, message, code = ask(what)
      assert.equal("DOWN", code)
      assert.matches("reply to call " .. what .. ": cannot send a function", message)
      assert.is_true(took < 1, took)
    end)
  end

  it("is told as well where the worker catches the error around its receive, which goes on", function()
    begin(survivor())
    for _ = 1, 3 do
      for _, what in ipairs { "fail", "unsendable", "unsendable with an event" } do
        local took, message, code = ask(what)
        assert.equal("FAILED", code)
        assert.matches(what == "fail" and "root/server: as ordered" or "cannot send a function", message)
        assert.is_true(took < 1, took)
        assert.equal("x", talk:run("a", function(self) return (self:call("server", "echo", "x")) end))
      end
    end
    assert.equal(1, world:unit("server").generation)
  end)

  it("does not take the place of one that is put off", function()
    begin(server())
    local job = talk:start("a", function(self) return self:call("server", "put off") end)
    talk:run("b", function(self) return self:cast("server", "answer", "badly") end)
    world:step(0.1)
    assert.equal("at last", job.out and job.out[1])
    assert.equal(1, world:unit("server").generation)
  end)

  it("from another runtime is told where its frame is too large", function()
    begin(server())
    local frames = {}
    local post = posts.new(world.env, { send = function(_, frame)
      if type(frame[3]) == "string" then return nil, "too large", "E2BIG" end
      frames[#frames + 1] = frame
      return true
    end })
    post:letter("server", "call", 7, "echo", "large")
    post:letter("server", "call", 8, "echo", 1)
    world:step(0.1)
    assert.same({ "answer", 7, nil, "the answer cannot be sent: too large", "E2BIG", n = 5 }, frames[1])
    assert.same({ "answer", 8, 1, n = 3 }, frames[2])
  end)
end)

describe("a request", function()
  it("with a long name gets the handler of that name, wherever the text lies", function()
    local world = worlds.new()
    local definition, wrong = server(), 0
    for _, letter in ipairs { "a", "b" } do
      definition:cast(letter:rep(60), function(_, said)
        if said ~= letter then wrong = wrong + 1 end
      end)
    end
    local talk = talkers.new(world, { server = definition }, "a")
    for i = 1, 100 do
      local letter = i % 2 == 0 and "a" or "b"
      talk:run("a", function(self) self:cast("server", letter:rep(60), letter) end)
      world:step(0.01)
      collectgarbage()
      collectgarbage()
    end
    world:close()
    assert.equal(0, wrong)
  end)

  it("that is watched by somebody who fails arrives all the same", function()
    local world = worlds.new()
    local talk = talkers.new(world, { server = server() }, "a")
    talk:run("a", function(self) return self:call("server", "echo") end)
    luvisor.find "server":trace(function() error "blind" end)
    assert.equal("x", talk:run("a", function(self) return (self:call("server", "echo", "x")) end))
    assert.matches("trace: .*blind", table.concat(world:messages "error", "\n"))
    assert.equal(0, luvisor.find "server":statistics().waiting)
    world:close()
  end)
end)
