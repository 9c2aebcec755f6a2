-- SPDX-License-Identifier: Apache-2.0
-- Machines that are driven by messages, and workers that are looked into.
local luvisor = require "luvisor"
local talkers = require "talkers"
local worker = require "luvisor.worker"
local worlds = require "world"

local function door(entered)
  local definition = worker.define { fsm = luvisor.fsm { initial = "new", transitions = {
    new = { hang = "closed" },
    closed = { push = "open", complete = "gone" },
    open = { shut = "closed", complete = "gone" },
    gone = luvisor.fsm.OK } } }
  definition:enter("new", function(self) self.data = {} end)
  definition:enter("closed", function(self) self.data = self.data or { pushes = {} } end)
  definition:cast("push", { state = "closed" }, function(self, who)
    table.insert(self.data.pushes, who)
    return "push"
  end)
  definition:cast("push", { state = "open" }, function() return luvisor.postpone end)
  definition:call("state", function(self) return self.state end)
  definition:call("shut", function(self)
    self:event("shut")
    return "shutting"
  end)
  definition:cast("wait", function(self, seconds, event) self:state_timeout(seconds, event) end)
  if entered then definition:enter("open", entered) end
  return definition
end

describe("driven workers", function()
  local world, talk

  local function begin(entered)
    world = worlds.new()
    talk = talkers.new(world, { door = door(entered) }, "a")
  end

  after_each(function() world:close() end)

  local function state() return talk:run("a", function(self) return self:call("door", "state") end) end
  local function cast(...)
    local row = table.pack(...)
    talk:run("a", function(self) assert(self:cast("door", table.unpack(row, 1, row.n))) end)
    world:step(0.01)
  end

  it("take the events that handlers return or name", function()
    begin()
    assert.equal("closed", state())
    cast("push", "x")
    assert.equal("open", state())
    assert.equal("shutting", talk:run("a", function(self) return self:call("door", "shut") end))
    assert.equal("closed", state())
  end)

  it("see postponed requests again in the next state, first things first", function()
    begin()
    cast("push", "one")
    cast("push", "two")
    cast("push", "three")
    assert.equal("open", state())
    for _ = 1, 2 do talk:run("a", function(self) self:call("door", "shut") end) end
    world:step(0.1)
    assert.same({ "one", "two", "three" }, world:unit("door").instance.data.pushes)
  end)

  it("take an event when they stay too long", function()
    begin(function(self) self:state_timeout(2, "shut") end)
    cast("push", "x")
    world:step(1.5)
    assert.equal("open", state())
    world:step(1)
    assert.equal("closed", state())
    cast("wait", 1, "push")
    cast("wait") -- calls it off
    world:step(2)
    assert.equal("closed", state())
  end)

  it("forget a state's timeout when they leave it", function()
    begin()
    cast("wait", 1, "push")
    cast("push", "x")
    talk:run("a", function(self) self:call("door", "shut") end)
    world:step(3)
    assert.equal("closed", state())
  end)

  it("rest while they are suspended, and lose nothing", function()
    begin()
    local handle = luvisor.find("door")
    assert.same({ true, true }, { handle:suspend() })
    cast("push", "x")
    world:step(60)
    assert.equal("closed", (handle:get_state()))
    assert.equal(1, handle:statistics().waiting)
    assert.is_true(handle:resume())
    world:step(0.1)
    assert.equal("open", (handle:get_state()))
    assert.equal(1, world:generations "door")
  end)

  it("obey a stop while they are suspended", function()
    begin()
    luvisor.find("door"):suspend()
    world:stop(0.5)
    assert.equal("shutdown", world.ended.kind)
  end)

  it("show their data, and take other", function()
    begin()
    cast("push", "x")
    local handle = luvisor.find("door")
    assert.same({ "open", { pushes = { "x" } } }, { handle:get_state() })
    assert.is_true(handle:replace_state(function(data) return { pushes = { "y", data.pushes[1] } } end))
    assert.same({ "y", "x" }, select(2, handle:get_state()).pushes)
    assert.same({ "EINVAL" }, { (select(3, handle:replace_state(function() error("no") end))) })
    assert.same({ "y", "x" }, select(2, handle:get_state()).pushes)
  end)

  it("let their letters be seen", function()
    begin()
    local seen = {}
    luvisor.find("door"):trace(function(_, kind, letter) seen[#seen + 1] = kind .. " " .. letter[1] end)
    cast("push", "x")
    state()
    luvisor.find("door"):trace(false)
    state()
    assert.same({ "cast push", "call state" }, seen)
  end)

  it("are chosen by a key", function()
    begin()
    local root = luvisor.find("root")
    assert.equal(root:partition("alice"), root:partition("alice"))
    assert.not_equal(root:partition(0), root:partition(1))
    assert.equal(root:partition(-1), root:partition(1))
  end)

  it("count what they say and hear, and show the last of it", function()
    begin()
    local handle = luvisor.find "door"
    assert.same({}, handle:letters(2))
    for _, word in ipairs { "one", "two", "three" } do cast("push", word) end
    local last = handle:letters()
    assert.same({ 2, "cast", "push", "two", "three" }, { #last, last[1].kind, last[1][1], last[1][2], last[2][2] })
    assert.same({}, handle:letters(false))
    cast("push", "four")
    assert.same({}, handle:letters(5)) -- anew
    local heard = handle:statistics()
    assert.same({ 4, 0 }, { heard.received, heard.sent })
    assert.is_true(luvisor.find("a"):statistics().sent >= 4)
  end)
end)
