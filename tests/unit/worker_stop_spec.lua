-- SPDX-License-Identifier: Apache-2.0
-- A stop in every state and phase (3.25, 3.26, 3.28), and what runs on every way out.

local fsm = require "luvisor.core.fsm"
local worlds = require "world"

describe("a worker that is stopped", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function run(build, keys, machine)
    world:single(build, keys, machine)
  end

  local function kind()
    local exit = world:events_of("exit", "w")[1]
    return exit and exit.exit.kind
  end

  local function well(self)
    return self.stopping and "complete" or "keepalive"
  end

  it("before it was started never runs", function()
    world:load { "w" }
    world.started:start()
    world:step(0)
    world:call("terminate_child", "root", "w")
    world.started.root:start_child(world:unit "w")
    world.started:stop()
    world:step(0)
    assert.equal("shutdown", world.ended.kind)
    assert.equal(1, world.scripts.w.starts)
    assert.equal("shutdown", world:unit("w").last_exit.kind)
  end)

  it("while starting sees it there, on each turn, and goes its way (3.25) "
    .. "(drive_sync_worker_repeats_stop_until_transition_begins, "
    .. "drive_async_worker_repeats_stop_until_transition_begins)", function()
    local seen = 0
    run(function(w)
      w:actor("starting", { every = 0.1 }, function(self)
        if not self.stopping then return "keepalive" end
        seen = seen + 1
        return seen < 5 and "keepalive" or "run"
      end)
      w:actor("running", well)
    end)
    world:step(1)
    assert.equal("no reply", world:call("terminate_child", "root", "w"))
    world:step(1)
    assert.equal(5, seen)
    assert.equal("shutdown", kind())
    assert.same({}, world:events_of("ready", "w"))
  end)

  it("while it polls in starting and ignores it is killed in time (3.25, 3.26)", function()
    run(function(w) w:actor("starting", { every = 0.1 }, function() return "keepalive" end) end, { shutdown = 2 })
    world:call("terminate_child", "root", "w", 1.9)
    assert.is_nil(kind())
    world:step(1.2)
    assert.equal("killed", kind())
  end)

  it("in a pause between two calls is called at once", function()
    run(function(w) w:actor("running", { every = 1.9 }, well) end)
    assert.is_true(world:call("terminate_child", "root", "w"))
  end)

  it("in terminating, by its own end, goes on there", function()
    run(function(w)
      w:actor("running", { every = 1 }, function(self) return self.go and "complete" or well(self) end)
      w:actor("terminating", function(self) self:sleep(1) return "complete" end)
    end)
    world:unit("w").instance.go = true
    world:step(1)
    assert.equal("terminating", world:unit("w").state.name)
    world:call("terminate_child", "root", "w")
    world:step(1)
    assert.equal("shutdown", kind())
  end)

  it("in any state of any machine ends in bound", function()
    local machine = fsm {
      initial = "new",
      transitions = { new = { go = "a" }, a = { go = "b" }, b = { go = "c" }, c = { go = "d" }, d = { go = fsm.OK } },
    }
    for after = 0, 4 do
      for _, ignores in ipairs { true, false } do
        world = worlds.new()
        run(function(w)
          for _, state in ipairs { "a", "b", "c", "d" } do
            w:actor(state, function(self)
              self:sleep(1)
              if self.stopping and ignores then return "keepalive" end
              return "go"
            end)
          end
        end, { shutdown = 1.5 }, machine)
        world:step(after + 0.5)
        world:stop(5)
        assert.equal("shutdown", world.ended.kind)
        assert.is_not_nil(kind())
        world:close()
      end
    end
    world = worlds.new()
  end)

  it("during a hook that sleeps has it cut short, and ends after it", function()
    local slept
    run(function(w)
      w:enter("running", function(self) slept = table.pack(self:sleep(0.5)) end)
      w:actor("running", { every = 1 }, well)
    end)
    world:step(0.1)
    assert.is_true(world:call("terminate_child", "root", "w"))
    assert.same({ nil, "stopping", "ECANCELED", n = 3 }, slept)
    assert.equal("shutdown", kind())
  end)

  it("that fails while it stops has ended with the failure, and is not restarted", function()
    run(function(w)
      w:actor("running", { every = 1 }, well)
      w:actor("terminating", function() error "late" end)
    end)
    world:call("terminate_child", "root", "w")
    assert.equal("error", kind())
    assert.equal("stopped", world:phase "w")
    world:step(60)
    assert.equal(1, world:unit("w").generation)
  end)

  it("is killed with its deadline in the exit, whatever it does (3.26)", function()
    local deaf = {
      sleeping = function(self) while true do self:sleep(1000) end end,
      swallowing = function(self) while true do pcall(self.sleep, self, 1000) self:beat() end end,
      beating = function() return "keepalive" end,
      awaiting = function(self) self:await(function() end) end,
      closing = function(self)
        local _ <close> = setmetatable({}, { __close = function() while true do self:sleep(1) end end })
        while true do self:sleep(1000) end
      end,
    }
    for name, fn in pairs(deaf) do
      world = worlds.new()
      local machine = fsm { initial = "new", transitions = { new = { go = "on" }, on = { off = fsm.OK } } }
      run(function(w) w:actor("on", fn) end, { shutdown = 2 }, machine)
      world:step(1)
      world:call("terminate_child", "root", "w", 1.9)
      assert.is_nil(kind(), name)
      world:step(1.2)
      assert.equal("killed", kind(), name)
      assert.equal("stopped", world:phase "w", name)
      world:close()
    end
    world = worlds.new()
  end)

  describe("runs its to-be-closed variables", function()
    local log

    local function guarded(body)
      return function(w)
        w:actor("running", { every = 1 }, function(self)
          local _ <close> = setmetatable({}, { __close = function(_, why) log[#log + 1] = tostring(why) end })
          return body(self)
        end)
      end
    end

    before_each(function() log = {} end)

    it("when it ends by itself", function()
      run(guarded(function() return "complete" end))
      assert.same({ "nil" }, log)
    end)

    it("when it fails", function()
      run(guarded(function() error("boom", 0) end), { restart = "temporary" })
      assert.same({ "boom" }, log)
    end)

    it("when it is cancelled", function()
      run(guarded(function(self) while true do self:sleep(1000) end end), { restart = "temporary" })
      world:step(3)
      assert.equal("timeout", kind())
      assert.equal(1, #log)
      assert.truthy(log[1]:find("cancelled", 1, true))
    end)

    it("when it swallowed its cancel and is dropped", function()
      run(guarded(function(self) while true do pcall(self.sleep, self, 1000) end end), { restart = "temporary" })
      world:step(5)
      assert.equal("timeout", kind())
      assert.equal(1, #log)
    end)

    it("when it is killed", function()
      run(guarded(function(self) while true do self:sleep(1) self:beat() end end), { shutdown = "kill" })
      world:step(5)
      world:call("terminate_child", "root", "w")
      assert.same({ "killed", 1 }, { kind(), #log })
    end)

    it("in the right order, though one of them fails", function()
      run(function(w)
        w:actor("running", function(self)
          local _ <close> = setmetatable({}, { __close = function() log[#log + 1] = "outer" end })
          local _ <close> = setmetatable({}, { __close = function() log[#log + 1] = "inner" error "close" end })
          while true do self:sleep(1000) end
        end)
      end, { restart = "temporary" })
      world:step(3)
      assert.same({ "inner", "outer" }, log)
      assert.equal("timeout", kind())
    end)
  end)

  it("runs no hooks when it would not listen, and those of its error otherwise", function()
    local hooks = 0
    run(function(w)
      w:leave("running", function() hooks = hooks + 1 end)
      w:actor("running", function(self) while true do self:sleep(1) self:beat() end end)
    end, { shutdown = 1 })
    world:call("terminate_child", "root", "w", 3)
    assert.same({ "killed", 0 }, { kind(), hooks })
  end)

  it("has the cancel raised once, so that it can clean up", function()
    local raised, cleaned = 0, false
    run(function(w)
      w:actor("running", function(self)
        while true do
          local ok = pcall(self.sleep, self, 1000)
          if not ok then
            raised = raised + 1
            self:sleep(0.5)
            cleaned = true
            return "complete"
          end
        end
      end)
    end, { restart = "temporary" })
    world:step(5)
    assert.same({ 1, true }, { raised, cleaned })
    assert.equal("timeout", kind())
  end)
end)
