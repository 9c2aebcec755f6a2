-- SPDX-License-Identifier: Apache-2.0
local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"
local worlds = require "world"

local function kinds_of(self)
  local list = {}
  for i, entry in ipairs(chronicle.read(self)) do list[i] = entry.kind end
  return list
end

local function new_unit()
  local self = { name = "w", at = 0, env = {} }
  self.env.now = function() return self.at end
  return self
end

describe("a chronicle", function()
  it("has the last 32 entries, oldest first", function()
    local self = new_unit()
    for i = 1, 100 do
      self.at = i
      if i % 2 == 0 then
        chronicle.ended(self, i, exit.new { kind = "error", message = "number " .. i }, "restart")
      else
        chronicle.note(self, "start", "number " .. i)
      end
    end
    local list = chronicle.read(self)
    assert.equal(32, #list)
    for i, entry in ipairs(list) do
      assert.equal(68 + i, entry.at)
      assert.equal(i % 2 == 0 and "ended" or "start", entry.kind)
    end
    assert.equal("error: number 100", tostring(chronicle.last(self, "ended")[1]))
    assert.is_nil(chronicle.last(self, "asked"))
  end)

  it("has the passage that a stop is as an entry of its own, wherever the ring is", function()
    local self = new_unit()
    for i = 1, 40 do
      chronicle.note(self, "state", "STARTING", "RUNNING", "ready")
      chronicle.note(self, "asked", "number " .. i, "top")
      chronicle.stops(self, "RUNNING")
      chronicle.stops(self, "UNHEALTHY") -- nobody has asked again
      local list = chronicle.read(self)
      local asked, passage, another = list[#list - 2], list[#list - 1], list[#list]
      assert.same({ at = 0, kind = "asked", "number " .. i, "top", false }, asked)
      assert.same({ at = 0, kind = "state", "RUNNING", "STOPPING", "stop" }, passage)
      assert.same({ at = 0, kind = "state", "UNHEALTHY", "STOPPING", "stop" }, another)
      assert.is_true(#list <= 32)
    end
  end)

  it("has what was done to a group in its place among what is its own", function()
    local self = new_unit()
    self.at = 1
    chronicle.note(self, "start", "by hand")
    chronicle.join(self, chronicle.group(2, "starts again with a", "root/a"))
    chronicle.ended(self, 3, exit.new { kind = "error" }, "restart")
    chronicle.join(self, chronicle.group(4, "its supervisor ends", "root"))
    assert.same({ "start", "asked", "stopped", "ended", "asked", "stopped" }, kinds_of(self))
    local asked = chronicle.last(self, "asked")
    assert.same({ 4, "its supervisor ends", "root" }, { asked.at, asked[1], asked[2] })
    assert.equal("shutdown", tostring(chronicle.last(self, "stopped")[1]))
  end)

  it("shares a group's record among those who shared the one before, and only those", function()
    local one, two, other = new_unit(), new_unit(), new_unit()
    chronicle.join(other, chronicle.group(1, "alone", "root"))
    local group = chronicle.group(2, "together", "root")
    for _, self in ipairs { one, two, other } do chronicle.join(self, group) end
    assert.equal(one.groups, two.groups)
    assert.same({ "asked", "stopped" }, kinds_of(two))
    assert.same({ "asked", "stopped", "asked", "stopped" }, kinds_of(other))
  end)

  it("never outgrows its room, however often its group was stopped", function()
    local self = new_unit()
    for i = 1, 1000 do
      chronicle.join(self, chronicle.group(i, "again", "root"))
      local records, record = 0, self.groups
      while record do records, record = records + 1, record.before end
      assert.is_true(records <= 64)
    end
    local list = chronicle.read(self)
    assert.equal(32, #list)
    assert.equal(1000, list[32].at)
    assert.equal(985, list[1].at)
  end)
end)

describe("the chronicle of a group's member", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("is one with its siblings' where it is gone at once, and its own where it takes time", function()
    world:tree { strategy = "one_for_all", "a", "b", "c", "d" }
    world.scripts.c.hangs_stopping = true
    world:crash "d"
    world:step(10)
    local a, b, c = world:unit "a", world:unit "b", world:unit "c"
    assert.is_not_nil(a.groups)
    assert.equal(a.groups, b.groups)
    assert.same({ "asked", "stopped" }, kinds_of(a))
    assert.same({ "asked", "stopped" }, kinds_of(c))
    assert.is_nil(c.groups)
    assert.same({ "ended" }, kinds_of(world:unit "d"))
  end)
end)
