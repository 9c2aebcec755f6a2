-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the Runsmith case that it was made after.

local fsm = require "luvisor.core.fsm"
local luvisor = require "luvisor"
local workers = require "luvisor.worker"
local worlds = require "world"

describe("a worker", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function run(build, keys, machine)
    world:single(build, keys, machine)
  end

  local function last_exit()
    local exits = world:events_of("exit", "w")
    return exits[#exits].exit
  end

  local STOP = { restart = "temporary" }

  it("walks the default machine (default_worker_fsm_structure, sync_worker_main_loop_transitions_to_terminal_state)",
    function()
      world:tree { "a" }
      assert.equal("running", world:phase "a")
      world:stop()
      assert.same({
        "idle -> starting (start)", "starting -> running (run)", "running -> terminating (complete)",
        "terminating -> stopped (complete)",
      }, world:walk "a")
      assert.equal("shutdown", world.ended.kind)
      assert.equal("shutdown", world:events_of("exit", "a")[1].exit.kind)
    end)

  it("ends well and is retired when its machine ends in OK", function()
    run(function(w) w:actor("running", function() return "complete" end) end)
    assert.equal("normal", last_exit().kind)
    assert.equal("done", world:phase "w")
    world:step(60)
    assert.equal(1, world:unit("w").generation)
  end)

  it("takes the only event of a state that has no actor (worker_falls_back_to_single_available_event_when_no_actor)",
    function()
      run(function(w) w:actor("running", function(self) return self.stopping and "complete" or "keepalive" end) end)
      assert.equal("running", world:unit("w").state.name)
    end)

  it("without an actor where there are several events is refused at load "
    .. "(worker_raises_when_no_actor_and_multiple_events)", function()
      local machine = fsm {
        initial = "i", transitions = { i = { a = "x", b = "y" }, x = { z = fsm.OK }, y = { z = fsm.OK } },
      }
      local definition = workers.define { fsm = machine }
      assert.same({ nil, 'no actor for state "i", which has 2 events', "EINVAL" },
        { workers.check(definition, machine) })
    end)

  it("goes through a whole machine of its own, one shot "
    .. "(async_worker_main_loop_transitions_to_terminal_state)", function()
    local machine = fsm {
      initial = "new",
      transitions = { new = { go = "middle" }, middle = { on = "late", off = fsm.ERROR }, late = { ok = fsm.OK } },
    }
    run(function(w) w:actor("middle", function() return "on" end) end, nil, machine)
    assert.same({ "new -> middle (go)", "middle -> late (on)", "late -> stopped (ok)" }, world:walk "w")
    assert.equal("done", world:phase "w")
  end)

  it("fails when its machine ends in ERROR (evaluator_reports_terminal_outcomes, "
    .. "plain_worker_reports_failure_without_reaping)", function()
      run(function(w) w:actor("running", function() return "error" end) end, STOP)
      assert.equal("error", last_exit().kind)
      assert.equal("crashed", last_exit().state)
      assert.equal("running -> crashed (error)", world:walk "w"[3])
    end)

  it("keeps its calls `every` so far apart, however long one takes (3.24)", function()
    local times = {}
    run(function(w)
      w:actor("running", { every = 0.5 }, function(self)
        times[#times + 1] = world.env.now()
        if #times % 3 == 0 then self:sleep(0.3) end
        return self.stopping and "complete" or "keepalive"
      end)
    end)
    world:step(20)
    for i = 2, #times do assert.is_true(times[i] - times[i - 1] >= 0.5 - 1e-9) end
    assert.is_true(#times > 30)
  end)

  it("calls an actor without `every` again and again, a tick apart", function()
    local calls = 0
    run(function(w)
      w:actor("running", function(self)
        calls = calls + 1
        return self.stopping and "complete" or "keepalive"
      end)
    end)
    world:step(1)
    assert.is_true(calls >= 900 and calls <= 1001, calls)
  end)

  it("runs leave hooks, then enter hooks, then switches (pre_hook_invoked_during_state_entry)", function()
    local order = {}
    local function note(what)
      return function(self, why, event)
        order[#order + 1] = ("%s in %s by %s%s"):format(what, self.state, event, why and " with exit" or "")
      end
    end
    run(function(w)
      w:leave("starting", note "leave any")
      w:leave("starting", "run", note "leave run")
      w:leave("starting", "error", note "never")
      w:enter("running", "run", note "enter run")
      w:enter("running", note "enter any")
      w:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    end)
    assert.same({ "leave any in starting by run", "leave run in starting by run", "enter run in starting by run",
      "enter any in starting by run" }, order)
  end)

  it("hands the exit to the hooks of its error, with the traceback", function()
    local got
    run(function(w)
      w:leave("running", "error", function(self, why, event) got = { why, event, self.state } end)
      w:actor("running", function() error "broke" end)
    end, STOP)
    assert.equal("error", got[1].kind)
    assert.truthy(got[1].message:find("broke", 1, true))
    assert.truthy(got[1].traceback:find("worker_spec.lua", 1, true))
    assert.same({ "error", "running" }, { got[2], got[3] })
    assert.equal(got[1], last_exit())
    assert.equal("running -> crashed (error)", world:walk "w"[3])
  end)

  it("keeps its error and traceback for its supervisor (coroutine_executor_retrieves_crash_exception)", function()
    run(function(w) w:actor("running", function() error({ code = 7 }) end) end, STOP)
    assert.equal("error", last_exit().kind)
    assert.equal("running", last_exit().state)
    assert.equal("(error object is a table value)", last_exit().message)
  end)

  it("ends with the first error when a hook of it fails too", function()
    run(function(w)
      w:leave("running", function() error "hook broke" end)
      w:actor("running", function() error "actor broke" end)
    end, STOP)
    assert.truthy(last_exit().message:find("actor broke", 1, true))
    assert.truthy(table.concat(world:messages "error", "\n"):find("w: hook failed: .*hook broke"))
  end)

  it("ends with the error of a hook", function()
    run(function(w)
      w:enter("running", function() error "hook broke" end)
      w:actor("running", function() return "keepalive" end)
    end, STOP)
    assert.truthy(last_exit().message:find("hook broke", 1, true))
    assert.equal("starting", last_exit().state)
  end)

  it("may wait in a hook", function()
    local woke
    run(function(w)
      w:enter("running", function(self) self:sleep(0.5) woke = world.env.now() end)
      w:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    end)
    assert.is_nil(woke)
    world:step(0.5)
    assert.equal(woke, world.env.now())
    assert.equal("running", world:phase "w")
  end)

  it("fails when its actor returns rubbish", function()
    local KNOWN = ", which is not an event of it: keepalive, complete, error"
    local cases = {
      { "no such", 'actor of state running returned "no such"' .. KNOWN },
      { "Keepalive", 'actor of state running returned "Keepalive", which is not an event of it, '
        .. 'did you mean "keepalive"?' },
      { 7, "actor of state running returned number" .. KNOWN },
      { {}, "actor of state running returned table" .. KNOWN },
      { nil, 'actor of state running returned nothing: neither an event nor "keepalive"' },
      { true, "actor of state running returned boolean" .. KNOWN },
    }
    for i = 1, 6 do
      world = worlds.new()
      run(function(w) w:actor("running", function() return cases[i][1] end) end, STOP)
      assert.equal(cases[i][2], last_exit().message)
      world:close()
    end
    world = worlds.new()
  end)

  it("remembers its last hundred transitions", function()
    local machine = fsm {
      initial = "new", transitions = { new = { go = "a" }, a = { flip = "b", stop = fsm.OK }, b = { flop = "a" } },
    }
    local flips, early = 0, nil
    run(function(w)
      w:actor("a", { every = 0.1 }, function(self)
        flips = flips + 1
        if flips == 5 then early = self.history end
        return self.stopping and "stop" or "flip"
      end)
      w:actor("b", function(self) self:sleep(0.01) return "flop" end)
    end, nil, machine)
    world:step(20)
    assert.equal(9, #early)
    assert.same({ { event = "go", state = "a" }, { event = "flip", state = "b" } }, { early[1], early[2] })
    local unit = world:unit "w"
    assert.is_true(flips > 100)
    local history = unit.instance.history
    assert.equal(1, unit.generation)
    assert.equal(100, #history)
    assert.same({ { event = "flop", state = "a" }, { event = "flip", state = "b" } },
      history[100].state == "b" and { history[99], history[100] } or { history[98], history[99] })
  end)

  it("shows itself", function()
    local seen
    run(function(w)
      w:actor("running", { every = 1 }, function(self)
        if not seen then
          seen = { self.name, self.path, self.state, self.stopping, self.generation, self.args.dir, tostring(self) }
          self.log:warn("found %d in %s", 3, "inbox")
          self.log:info "100 %d"
          self.mine = 1
        end
        return self.stopping and "complete" or "keepalive"
      end)
    end, { args = { dir = "inbox" } })
    assert.same({ "w", "root/w", "running", false, 1, "inbox", "worker root/w" }, seen)
    assert.same({ "w: found 3 in inbox" }, world:messages "warn")
    assert.truthy(table.concat(world:messages "info", "\n"):find("w: 100 %d", 1, true))
  end)

  it("cannot overwrite what it shows", function()
    run(function(w) w:actor("running", function(self) self.state = "x" end) end, STOP)
    assert.truthy(last_exit().message:find("self.state cannot be set", 1, true))
    world:close()
    world = worlds.new()
    run(function(w) w:actor("running", function(self) self.sleep = 1 end) end, STOP)
    assert.truthy(last_exit().message:find("self.sleep cannot be set", 1, true))
  end)

  it("shares nothing with another of its definition, nor with its own next generation "
    .. "(actor_functions_are_isolated_per_worker_instance)", function()
    local definition, selfs = workers.define(), {}
    definition:actor("running", { every = 1 }, function(self)
      selfs[self] = true
      self.count = (self.count or 0) + 1
      if self.name == "y" and self.generation == 1 then error "again" end
      return self.stopping and "complete" or "keepalive"
    end)
    world:tree { luvisor.worker { name = "x", module = definition },
      luvisor.worker { name = "y", module = definition } }
    world:step(3)
    local counts = {}
    for self in pairs(selfs) do counts[#counts + 1] = self.name .. self.count end
    table.sort(counts)
    assert.same({ "x4", "y1", "y4" }, counts)
  end)

  it("is ready in the first state with a heartbeat, in the one that `ready` names, or the one after the initial",
    function()
      local machine = fsm {
        initial = "new", transitions = { new = { go = "one" }, one = { go = "two" }, two = { go = "three" },
          three = { go = fsm.OK } },
        timeouts = { heartbeat = { two = 5 } },
      }
      local function ready_in(keys, of)
        world = worlds.new()
        run(function(w)
          for _, state in ipairs { "one", "two", "three" } do
            w:actor(state, function(self) self:sleep(1) return "go" end)
          end
        end, keys, of or machine)
        local at
        for i = 0, 4 do
          if world:phase "w" == "running" and not at then at = world:unit("w").state.name end
          world:step(i < 4 and 1 or 0)
        end
        world:close()
        return at
      end
      assert.equal("two", ready_in())
      assert.equal("three", ready_in { ready = "three" })
      assert.equal("one", ready_in(nil, fsm {
        initial = "new", transitions = { new = { go = "one" }, one = { go = "two" }, two = { go = "three" },
          three = { go = fsm.OK } },
      }))
      world = worlds.new()
    end)
end)
