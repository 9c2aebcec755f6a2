-- SPDX-License-Identifier: Apache-2.0
-- Much work a little at a time, and the changes of many that are made so.

local paces = require "luvisor.machine.change.pace"
local reloads = require "reloads"
local worlds = require "world"

describe("a pace", function()
  local world, waiting

  -- A loop of which each turn is what was due before it.
  local env = { after = function(_, fn, ...) waiting[#waiting + 1] = table.pack(fn, ...) end }
  env.post = function(...) env.after(0, ...) end

  local function turn()
    local now = waiting
    waiting = {}
    for _, one in ipairs(now) do one[1](table.unpack(one, 2, one.n)) end
  end

  before_each(function() waiting = {} end)
  after_each(function()
    if world then world:close() end
    world = nil
  end)

  it("does sixteen pieces a turn, in the order in which they were put", function()
    local done, line = {}, paces.new(env, error)
    for i = 1, 40 do line:put(function(value) done[#done + 1] = value end, i) end
    assert.same({}, done)
    for _, count in ipairs { 8, 16, 24, 32, 40, 40 } do
      turn()
      assert.equal(count, #done)
    end
    for i = 1, 40 do assert.equal(i, done[i]) end
    assert.same({}, waiting)
  end)

  it("takes what is put meanwhile, and begins again", function()
    local done, line = {}, paces.new(env, error)
    line:put(function() line:put(function() done[1] = "inner" end) end)
    turn()
    line:put(function() done[2] = "later" end)
    turn()
    assert.same({ "inner", "later" }, done)
  end)

  it("drops the rest after an error, and tells", function()
    local count, message = 0, nil
    local line = paces.new(env, function(text) message = text end)
    for i = 1, 40 do
      line:put(function()
        count = count + 1
        if i == 10 then error "as ordered" end
      end)
    end
    for _ = 1, 5 do turn() end
    assert.equal(10, count)
    assert.truthy(message:find "as ordered")
  end)

  -- The most that are stopped in one turn of the loop while so many workers are restarted.
  local function most_at_once(count)
    local function tree(version)
      local children = {}
      for i = 1, count do children[i] = world:worker("w" .. i, { args = { version } }) end
      return children
    end
    world = worlds.new { quiet = true }
    reloads.tree(world, tree(1))
    local most, now = 0, 0
    world.env.subscribe("stop", function()
      now = now + 1
      most = math.max(most, now)
    end)
    local after = world.env.after
    world.env.after = function(seconds, fn, ...) -- as far as the pace puts it off
      return after(seconds, seconds > 0 and fn or function(...)
        now = 0
        fn(...)
      end, ...)
    end
    local _, outcome = reloads.apply(world, tree(2), 1)
    assert.same({}, outcome.failures)
    for i = 1, count do assert.equal(2, (world:generations("w" .. i))) end
    return most
  end

  it("has the others have their turn while many are restarted", function()
    assert.equal(4, most_at_once(4))
    world:close()
    local most = most_at_once(400)
    assert.is_true(most <= 8, tostring(most))
  end)
end)
