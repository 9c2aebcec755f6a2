-- SPDX-License-Identifier: Apache-2.0
-- A client of the control socket that asks for much and reads nothing of it.

local connected = require "connected"
local connection = require "luvisor.edge.control.connection"
local host = require "host"

local altered = connected.altered

describe("a connection whose client does not read", function()
  local pair, far, near

  before_each(function()
    pair = connected.pair()
    far = pair.far
  end)
  after_each(function() pair:close() end)

  local function connect(module) near = pair:connect(module) end

  local MIB = 1024 * 1024

  -- So many answers of that size, with one turn of the loop after each; how much of them lies unread at most.
  local function answer(count, size)
    local text, most = ("x"):rep(size), 0
    for _ = 1, count do
      near:put(text)
      host.wait_until(function() return true end, 1)
      if not near.closed then most = math.max(most, near.pipe:get_write_queue_size()) end
    end
    return most
  end

  it("sends away who leaves 16 MiB of answers unread, and says so once", function()
    connect(connection)
    local most = answer(40, MIB)
    assert.is_true(near.closed)
    assert.equal(1, #pair.overflows)
    assert.is_true(most > 16 * MIB and most < 19 * MIB, most)
  end)

  it("does not count the largest answer, which may be as large as it likes", function()
    connect(connection)
    local most = answer(1, 40 * MIB)
    answer(100, 1024)
    assert.same({ false, {} }, { near.closed or false, pair.overflows })
    assert.is_true(most > 39 * MIB, most)
  end)

  it("would keep any number without that bound", function()
    connect(altered("control/connection", "local MOST = 16 * 1024 * 1024 ", "local MOST = 1 << 50 "))
    assert.is_true(answer(40, MIB) > 38 * MIB)
    assert.same({ false, {} }, { near.closed or false, pair.overflows })
  end)

  -- So many pieces of long work, each of which ends with an answer of 1 MiB; how many were done for one who does not
  -- read, and how much lies there, when all are or it is sent away, or the seconds are over.
  local function work_for(module, count, seconds)
    local done, text = 0, ("x"):rep(MIB)
    for _ = 1, count do
      module.put(near, function()
        near:put(text)
        done = done + 1
        return true
      end, error)
    end
    host.wait_until(function() return done == count or near.closed end, seconds)
    return done, near.closed or near.pipe:get_write_queue_size()
  end

  it("has its long work rest while it does not read, and all of it done when it does", function()
    connect(connection)
    local done, waiting = work_for(require "luvisor.edge.control.rota", 50, 0.3)
    assert.is_true(done < 4 and waiting < 4 * MIB, done)
    local told, bytes = 0, 50 * (MIB + 1)
    far:read_start(function(_, chunk) told = told + #(chunk or "") end)
    assert.truthy(host.wait_until(function() return told == bytes end, 60), told)
    assert.same({}, pair.overflows)
  end)

  it("is sent away amid its long work where that does not rest", function()
    connect(connection)
    local done = work_for(altered("control/rota", "if client.hold and ", "if false and "), 50, 20)
    assert.is_true(near.closed and done > 16)
    assert.equal(1, #pair.overflows)
  end)

  it("lets go of work that rests when it ends", function()
    connect(connection)
    local gone = setmetatable({ {} }, { __mode = "v" })
    work_for(require "luvisor.edge.control.rota", 3, 0.3)
    require("luvisor.edge.control.rota").put(near, function(held) return held end, gone[1])
    near:close()
    host.stay(0.05)
    collectgarbage()
    assert.is_nil(gone[1])
  end)
end)
