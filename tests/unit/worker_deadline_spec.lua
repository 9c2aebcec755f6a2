-- SPDX-License-Identifier: Apache-2.0
-- Heartbeat, state, transition and start deadlines. Names in brackets are those of the Runsmith case.

local fsm = require "luvisor.core.fsm"
local luvisor = require "luvisor"
local workers = require "luvisor.worker"
local worlds = require "world"

describe("a worker's deadline", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function run(build, keys, machine)
    keys = keys or {}
    keys.restart = keys.restart or "temporary"
    world:single(build, keys, machine)
  end

  local function ended()
    local exit = world:events_of("exit", "w")[1]
    return exit and tostring(exit.exit)
  end

  local function wait(self)
    while true do self:sleep(1000) end
  end

  local function beating(self)
    return self.stopping and "complete" or "keepalive"
  end

  local function checked(after, text)
    world:step(after - 0.001)
    assert.is_nil(ended())
    world:step(0.002)
    assert.equal(text, ended())
  end

  describe("of heartbeat", function()
    it("is found when it is missed (evaluator_unhealthy_when_heartbeat_missed)", function()
      run(function(w) w:actor("running", wait) end)
      checked(2, "timeout: heartbeat 2 s in running")
    end)

    it("is what the unit says, of the state in which it is ready or of those that it names", function()
      run(function(w) w:actor("running", wait) end, { heartbeat = 5 })
      checked(5, "timeout: heartbeat 5 s in running")
      world:close()
      world = worlds.new()
      run(function(w) w:actor("starting", wait) end, { heartbeat = { starting = 3 } })
      checked(3, "timeout: heartbeat 3 s in starting")
    end)

    it("is met by every keepalive", function()
      run(function(w) w:actor("running", { every = 1.9 }, beating) end)
      world:step(100)
      assert.is_nil(ended())
    end)

    it("cannot be kept by an actor that is called too seldom, which is found at load", function()
      assert.error_matches(function()
        run(function(w) w:actor("running", { every = 2 }, beating) end)
      end, 'actor "running": every 2 s cannot keep the heartbeat of 2 s')
    end)

    it("is met by self:beat() in long work", function()
      run(function(w)
        w:actor("running", function(self)
          for _ = 1, 10 do self:sleep(1.5) self:beat() end
          wait(self)
        end)
      end)
      world:step(16.9)
      assert.is_nil(ended())
      world:step(0.2)
      assert.equal("timeout: heartbeat 2 s in running", ended())
    end)

    it("begins anew with each state (evaluator_tracks_worker_expectations_across_lifecycle)", function()
      local machine = fsm {
        initial = "new", transitions = { new = { go = "a" }, a = { on = "b" }, b = { on = "a", off = fsm.OK } },
        timeouts = { heartbeat = { a = 2, b = 2 } },
      }
      run(function(w)
        for _, state in ipairs { "a", "b" } do w:actor(state, function(self) self:sleep(1.5) return "on" end) end
      end, nil, machine)
      world:step(30)
      assert.is_nil(ended())
    end)

    it("can be longer than the state has it, by self:extend", function()
      run(function(w) w:actor("running", function(self) self:extend(10) wait(self) end) end)
      checked(10, "timeout: heartbeat 2 s in running")
    end)

    it("is the script's own with luvisor.defaults", function()
      local definition = workers.define()
      definition:actor("running", wait)
      world:tree { defaults = { heartbeat = 7 },
        luvisor.worker { name = "w", module = definition, restart = "temporary" }, world:worker "other" }
      checked(7, "timeout: heartbeat 7 s in running")
    end)

    it("is not missed by a quiet one among fifty that are chatty (3.23)", function()
      local children = { world:worker("quiet", nil, { every = 1.9 }) }
      for i = 1, 50 do children[#children + 1] = world:worker("chatty" .. i, nil, { every = 0.001 }) end
      world:tree(children)
      world:step(30)
      assert.same({}, world:heard "restart")
    end)

    it("is missed by one that is too quiet, among as many (3.23, the control)", function()
      local children = { world:worker("quiet", { restart = "temporary" }, { every = 1.9 }) }
      for i = 1, 50 do children[#children + 1] = world:worker("chatty" .. i, nil, { every = 0.001 }) end
      world:tree(children)
      world.scripts.quiet:run(function(self) self:sleep(2.1) return "keepalive" end)
      world:step(30)
      assert.equal("root/quiet", world:events_of("exit")[1].unit)
      assert.equal(1, #world:events_of "exit")
    end)

    it("is found for one among a thousand, and for nobody else", function()
      local children = {}
      for i = 1, 1000 do children[i] = world:worker("w" .. i, { restart = "temporary" }) end
      world:tree(children)
      world.scripts.w500:hang()
      world:step(10)
      assert.equal(1, #world:events_of "exit")
      assert.equal("root/w500", world:events_of("exit")[1].unit)
    end)
  end)

  describe("of state residence", function()
    it("is found (evaluator_unhealthy_when_state_residence_expires)", function()
      run(function(w) w:actor("starting", wait) end)
      checked(10, "timeout: state 10 s in starting")
    end)

    it("is not moved by a heartbeat (evaluator_heartbeat_extends_deadline)", function()
      run(function(w)
        w:actor("starting", function(self) self:sleep(1) self:beat() return "keepalive" end)
      end)
      checked(10, "timeout: state 10 s in starting")
    end)

    it("is moved by self:extend, once and not by less than it had", function()
      run(function(w) w:actor("starting", function(self) self:extend(3) self:extend(15) wait(self) end) end)
      checked(15, "timeout: state 10 s in starting")
    end)

    it("is gone when the state is left", function()
      run(function(w)
        w:actor("starting", function(self) self:sleep(9) return "run" end)
        w:actor("running", { every = 1 }, beating)
      end)
      world:step(60)
      assert.is_nil(ended())
    end)
  end)

  describe("of transition", function()
    it("covers the hooks (evaluator_unhealthy_when_transition_exceeds_deadline)", function()
      run(function(w)
        w:enter("running", wait)
        w:actor("running", { every = 1 }, beating)
      end)
      checked(1, "timeout: transition in starting -> running")
    end)

    it("covers leave hooks too, and not the actor before", function()
      run(function(w)
        w:actor("starting", function(self) self:sleep(5) return "run" end)
        w:leave("starting", "run", wait)
        w:actor("running", { every = 1 }, beating)
      end)
      checked(6, "timeout: transition in starting -> running")
    end)

    it("is over with the switch", function()
      run(function(w)
        w:enter("running", function(self) self:sleep(0.9) end)
        w:actor("running", { every = 1 }, beating)
      end)
      world:step(60)
      assert.is_nil(ended())
    end)

    it("bounds the hooks of an error as well", function()
      run(function(w)
        w:leave("running", "error", wait)
        w:actor("running", function() error "boom" end)
      end)
      world:step(0.9)
      assert.is_nil(ended())
      world:step(1.5)
      assert.truthy(ended():find "boom")
    end)
  end)

  describe("of start", function()
    it("is found where the machine has none (3.28)", function()
      local machine = fsm {
        initial = "new", transitions = { new = { go = "a" }, a = { go = "b" }, b = { go = fsm.OK } },
      }
      run(function(w)
        w:actor("a", wait)
        w:actor("b", { every = 1 }, function() return "keepalive" end)
      end, { start_timeout = 3, ready = "b", restart = "temporary", backoff = { min = 1000 } }, machine)
      checked(3, "timeout: start 3 s in a")
    end)

    it("is not found where there is none (3.28, the control)", function()
      local machine = fsm {
        initial = "new", transitions = { new = { go = "a" }, a = { go = "b" }, b = { go = fsm.OK } },
      }
      run(function(w)
        w:actor("a", wait)
        w:actor("b", { every = 1 }, function() return "keepalive" end)
      end, { start_timeout = "infinity", ready = "b", restart = "temporary" }, machine)
      world:step(10000)
      assert.is_nil(ended())
    end)

    it("is lifted when the worker is ready", function()
      run(function(w) w:actor("running", { every = 1 }, beating) end, { start_timeout = 3 })
      world:step(60)
      assert.is_nil(ended())
    end)
  end)

  it("is found though the worker swallows its cancel", function()
    run(function(w)
      w:actor("running", function(self)
        while true do pcall(self.sleep, self, 1000) end
      end)
    end)
    world:step(1.9)
    assert.is_nil(ended())
    world:step(2)
    assert.equal("timeout: heartbeat 2 s in running", ended())
  end)

  it("leaves the second for the cancel of the first, whatever else passes in it", function()
    local cleaned
    local machine = fsm {
      initial = "new", transitions = { new = { run = "running" }, running = { complete = fsm.OK, error = fsm.FAILED } },
      timeouts = { heartbeat = { running = 2 }, state = { running = 2.3 } },
    }
    run(function(w)
      w:actor("running", function(self)
        pcall(self.sleep, self, 1000)
        self:sleep(0.6)
        cleaned = true
      end)
    end, { restart = "temporary" }, machine)
    world:step(2.5)
    assert.is_nil(ended())
    world:step(1)
    assert.is_true(cleaned)
    assert.equal("timeout: heartbeat 2 s in running", ended())
  end)

  it("of an error's hooks takes the machine to crashed, with the hooks run", function()
    local hooks = {}
    run(function(w)
      w:leave("running", "error", function(_, why) hooks[#hooks + 1] = tostring(why) end)
      w:enter("crashed", function(_, why) hooks[#hooks + 1] = tostring(why) end)
      w:actor("running", wait)
    end)
    world:step(2.1)
    assert.same({ "timeout: heartbeat 2 s in running", "timeout: heartbeat 2 s in running" }, hooks)
    assert.equal("running -> crashed (error)", world:walk "w"[3])
  end)
end)
