-- SPDX-License-Identifier: Apache-2.0
-- Programs that are asked to end at one moment share a deadline; what comes of it is each one's own.

local Program = require "luvisor.machine.program"
local fake_env = require "fake_env"
local fake_process = require "fake_process"
local unit = require "luvisor.machine.unit"

local parent = { child_ready = function() end, child_ended = function() end, child_stopped = function() end }

describe("programs that are stopped together", function()
  local env, spawned, programs

  before_each(function()
    env, programs = fake_env.new { process = fake_process.new(), lineage = "host" }, {}
    spawned = env.process.spawned
  end)

  local function start(shutdown)
    local spec = { name = "p" .. #programs, kind = "program", command = { "p" }, ready = { after = 0 },
      shutdown = shutdown }
    programs[#programs + 1] = unit.new(Program, env, spec, parent)
    unit.start(programs[#programs])
    env.advance(0)
  end

  local function stop_all()
    for _, one in ipairs(programs) do unit.ask_to_stop(one) end
  end

  local function is_killed(i)
    return spawned[i].sent[3] == "KILL"
  end

  it("are killed when their time is over, those that live still", function()
    for _ = 1, 3 do start(3) end
    stop_all()
    assert.equal(1, #env.timers)
    spawned[2]:dies(0)
    env.advance(2.9)
    assert.is_false(is_killed(1))
    env.advance(0.2)
    assert.same({ true, false, true }, { is_killed(1), is_killed(2), is_killed(3) })
  end)

  it("have each the time that it has, and that from when it was asked", function()
    start(3)
    start(5)
    start(3)
    unit.ask_to_stop(programs[3])
    env.advance(1)
    stop_all()
    env.advance(2.5)
    assert.same({ false, false, true }, { is_killed(1), is_killed(2), is_killed(3) })
    env.advance(1)
    assert.same({ true, false, true }, { is_killed(1), is_killed(2), is_killed(3) })
    env.advance(2)
    assert.is_true(is_killed(2))
  end)

  it("need no deadline any more when the last of them is gone", function()
    for _ = 1, 2 do start(3) end
    stop_all()
    spawned[1]:dies(0)
    assert.equal(1, #env.timers)
    spawned[2]:dies(0)
    assert.same({}, env.timers)
    start(3)
    unit.ask_to_stop(programs[3])
    assert.equal(1, #env.timers)
  end)

  it("are killed also when something goes wrong with one of them", function()
    for _ = 1, 3 do start(3) end
    stop_all()
    spawned[2].members = function() error "no" end
    while env.timers[1] and not is_killed(3) do pcall(env.advance, 4) end
    assert.same({ true, false, true }, { is_killed(1), is_killed(2), is_killed(3) })
  end)
end)
