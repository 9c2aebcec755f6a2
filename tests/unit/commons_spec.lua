-- SPDX-License-Identifier: Apache-2.0
-- Names, topics and bonds of units that run in a guest, as the host keeps them; and how a guest asks.
local commons = require "luvisor.machine.message.commons"
local exit = require "luvisor.core.exit"
local inquiry = require "luvisor.machine.message.inquiry"
local luvisor = require "luvisor"
local mirror = require "luvisor.machine.remote.mirror"
local talkers = require "talkers"
local unit = require "luvisor.machine.unit"
local worlds = require "world"

local shot = exit.new { kind = "error", message = "shot" }

describe("what runtimes have in common", function()
  local world, talk, home, said, w

  -- A guest of which only what it is told is there.
  before_each(function()
    world, said = worlds.new(), {}
    talk = talkers.new(world, {}, "a", "b")
    local root = world:unit "root"
    home = { env = world.env, parent = root, name = "g", generation = 1, phase = "running", path = unit.path,
      spec = { kind = "supervisor", name = "g" } }
    home.run = { guest = { send = function(_, frame) said[#said + 1] = table.concat(frame, " ", 2, 4) end } }
    root.children:add(home)
    mirror.update(home, { { names = { "w" }, unit = "worker", phase = "running", generation = 1 } })
    w = mirror.find(home, "root/g/w")
  end)

  after_each(function()
    world:unit("root").children:remove(home)
    world:close()
  end)

  local function ask(operation, ...)
    local out
    commons.serve(home, function(...) out = table.pack(...) end, operation, "root/g/w", ...)
    return table.unpack(out, 1, out.n)
  end

  local function shoot(name)
    world:unit(name):fail(shot)
    world:step(0.05)
  end

  it("are names and topics, which go with the unit that has them", function()
    assert.is_true(ask("register", "boss"))
    assert.equal("EEXIST", select(3, talk:run("a", function(self) return self:register "boss" end)))
    assert.equal(luvisor.find "root/g/w", luvisor.whereis "boss")
    assert.is_true(ask("join", "news"))
    assert.equal(1, #luvisor.members "news")
    mirror.ended(w, shot)
    assert.is_nil(luvisor.whereis "boss")
    assert.same({}, luvisor.members "news")
    assert.is_true(talk:run("a", function(self) return self:register "boss" end))
  end)

  it("say so where something is no topic", function()
    assert.is_true(ask("join", "news"))
    assert.same({ nil, "expected a name, got nil", "EINVAL" }, { ask("leave", nil) })
    assert.is_true(ask("leave", "news"))
  end)

  it("know a unit that has taken the place of one that was removed", function()
    local sent
    function home.deliver(_, letter, target)
      sent = target
      return letter ~= nil
    end
    local function cast() talk:run("a", function(self) return self:cast("root/g/w", "x") end) end
    cast()
    assert.equal(w, sent)
    mirror.update(home, { { names = { "w" }, removed = true } })
    mirror.update(home, { { names = { "w" }, unit = "worker", phase = "running", generation = 1 } })
    cast()
    assert.equal(mirror.find(home, "root/g/w"), sent)
    assert.not_equal(w, sent)
  end)

  it("are kept while others end (the control)", function()
    mirror.update(home, { { names = { "v" }, unit = "worker", phase = "running", generation = 1 } })
    ask("register", "boss")
    mirror.ended(mirror.find(home, "root/g/v"), shot)
    assert.equal(luvisor.find "root/g/w", luvisor.whereis "boss")
  end)

  it("go with the whole guest", function()
    ask("register", "boss")
    local job = talk:start("a", function(self)
      self:monitor "boss"
      local _, _, from, why = self:receive(nil, 5)
      return from.path, why.kind, why.message
    end)
    world:step(0.1)
    mirror.end_all(home, exit.new { kind = "signal", signal = 9 })
    world:step(0.1)
    assert.same({ "root/g/w", "killed", "ended with root/g: signal 9 (SIGKILL)", n = 3 }, job.out)
    assert.is_nil(luvisor.whereis "boss")
  end)

  it("a name that is taken away is told to the guest", function()
    ask("register", "boss")
    assert.is_true(luvisor.unregister "boss")
    assert.same({ "root/g/w unnamed boss" }, said)
  end)

  it("are monitors and links of the guest's units", function()
    assert.is_true(ask("monitor", 7, "a"))
    assert.is_true(ask("monitor", 8, "a"))
    assert.is_true(ask("demonitor", 8))
    assert.is_true(ask("link", "b"))
    shoot "a"
    shoot "b"
    assert.same({ "root/g/w linked root/b", "root/g/w down 7", "root/g/w exit root/b" }, said)
    assert.equal("NOT_FOUND", select(3, ask("monitor", 9, "nobody")))
  end)

  it("break the other side of a link", function()
    ask("link", "a")
    ask("link", "b")
    ask("unlink", "b")
    mirror.ended(w, shot)
    world:step(0.1)
    assert.equal(2, world:generations "a")
    assert.equal(1, world:generations "b")
  end)

  it("end with the unit that has them: it hears nothing in its next generation", function()
    ask("monitor", 7, "a")
    ask("link", "b")
    mirror.ended(w, exit.new { kind = "normal" })
    said = {}
    shoot "a"
    shoot "b"
    assert.same({}, said)
  end)

  it("is refused to those whom only their own runtime knows", function()
    local out
    commons.serve(home, function(...) out = { ... } end, "register", "root/g/w/task:1", "boss")
    assert.equal("UNSUPPORTED", out[3])
  end)

  describe("are asked for by a guest", function()
    local frames, guest

    before_each(function()
      frames = {}
      guest = inquiry.new(world.env, function(frame)
        frames[#frames + 1] = table.concat(frame, " ", 1, 3)
        return true
      end)
    end)

    it("whose worker waits for the answer", function()
      local a = world:unit "a"
      local job = talk:start("a", function() return guest:ask("register", a, "boss") end)
      assert.same({ "ask 1 register" }, frames)
      assert.is_nil(job.out)
      guest:told(1, true)
      world:step(0.01)
      assert.is_true(job.out[1])
      assert.equal(a, world.env.registry:whereis "boss")
    end)

    it("and are not noted for a worker that has ended meanwhile", function()
      local a = world:unit "a"
      talk:start("a", function() return guest:ask("register", a, "boss") end)
      shoot "a"
      guest:told(1, true)
      assert.is_nil(world.env.registry:whereis "boss")
    end)

    it("which passes on what its own guests ask", function()
      world.env.inquiry = guest
      local out
      commons.serve(home, function(...) out = { ... } end, "whereis", "root/g/w", "x")
      assert.same({ "ask 1 whereis" }, frames)
      guest:told(1, "there")
      assert.same({ "there" }, out)
      guest.write = function() return nil, "nobody", "EPIPE" end
      commons.serve(home, function(...) out = { ... } end, "whereis", "root/g/w", "x")
      assert.same({ nil, "nobody", "EPIPE" }, out)
    end)

    it("from places that can wait", function()
      assert.has_error(function() guest:ask("whereis", nil, "x") end)
    end)
  end)
end)
