-- SPDX-License-Identifier: Apache-2.0
-- Much work a little at a time, and the changes of many that are made so.

local paces = require "luvisor.machine.pace"
local reloads = require "reloads"
local worlds = require "world"

describe("a pace", function()
  local world, posted

  -- A loop of which each turn is what was posted before it.
  local env = { post = function(fn, ...) posted[#posted + 1] = table.pack(fn, ...) end }

  local function turn()
    local now = posted
    posted = {}
    for _, one in ipairs(now) do one[1](table.unpack(one, 2, one.n)) end
  end

  before_each(function() posted = {} end)
  after_each(function()
    if world then world:close() end
    world = nil
  end)

  it("does eight pieces a turn, in the order in which they were put", function()
    local done, line = {}, paces.new(env, error)
    for i = 1, 20 do line:put(function(value) done[#done + 1] = value end, i) end
    assert.same({}, done)
    for _, count in ipairs { 8, 16, 20, 20 } do
      turn()
      assert.equal(count, #done)
    end
    for i = 1, 20 do assert.equal(i, done[i]) end
    assert.same({}, posted)
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
    for i = 1, 20 do
      line:put(function()
        count = count + 1
        if i == 10 then error "as ordered" end
      end)
    end
    for _ = 1, 5 do turn() end
    assert.equal(10, count)
    assert.truthy(message:find "as ordered")
  end)

  -- How many turns others have while so many workers are changed.
  local function turns_of(count)
    local function tree(version)
      local children = {}
      for i = 1, count do children[i] = world:worker("w" .. i, { args = { version } }) end
      return children
    end
    world = worlds.new { quiet = true }
    reloads.tree(world, tree(1))
    local turns, over = 0, false
    local function look()
      turns = turns + 1
      if not over then world.env.post(look) end
    end
    local subscribed = 0
    world.env.subscribe("start", function()
      subscribed = subscribed + 1
      over = subscribed == count
    end)
    world.env.post(look)
    local _, outcome = reloads.apply(world, tree(2))
    assert.same({}, outcome.failures)
    for i = 1, count do assert.equal(2, (world:generations("w" .. i))) end
    world:close()
    world = nil
    return turns
  end

  it("has the others have their turn while many are restarted", function()
    local few, many = turns_of(4), turns_of(400)
    assert.is_true(many > few + 100, ("%d and %d turns"):format(few, many))
  end)
end)
