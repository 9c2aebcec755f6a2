local fsm = require "luvisor.core.fsm"

local OK, ERROR = fsm.OK, fsm.ERROR

local function names(states)
  local list = {}
  for i, state in ipairs(states) do list[i] = state.name end
  return list
end

local function edges(machine)
  local result = {}
  for name, state in pairs(machine.states) do
    result[name] = {}
    for event, target in pairs(state.edges) do result[name][event] = target.name end
  end
  return result
end

describe("fsm", function()
  it("has two unique terminal markers that say their name", function()
    assert.equal("fsm.OK", tostring(OK))
    assert.equal("fsm.ERROR", tostring(ERROR))
    assert.not_equal(OK, ERROR)
  end)

  describe("default machine", function()
    local machine = fsm.default()

    it("has Runsmith's states and transitions (fsm_identifies_initial_terminal_and_outcomes)", function()
      assert.same({ "idle", "starting", "running", "terminating", "stopped", "crashed" }, names(machine.order))
      assert.same({
        idle = { start = "starting" },
        starting = { run = "running", error = "crashed" },
        running = { complete = "terminating", error = "crashed" },
        terminating = { complete = "stopped", error = "crashed" },
        stopped = {}, crashed = {},
      }, edges(machine))
      assert.equal("idle", machine.initial.name)
      assert.equal("ok", machine.states.stopped.outcome)
      assert.equal("error", machine.states.crashed.outcome)
      assert.is_nil(machine.states.running.outcome)
    end)

    it("has Runsmith's timeouts (get_constraints_returns_registered_constraints)", function()
      local states = machine.states
      assert.equal(2, states.running.heartbeat)
      assert.is_nil(states.starting.heartbeat)
      assert.equal(10, states.starting.timeout)
      assert.equal(10, states.terminating.timeout)
      assert.is_nil(states.running.timeout)
      assert.same({ start = 1 }, states.idle.transition_timeouts)
      assert.same({ run = 1 }, states.starting.transition_timeouts)
      assert.same({ complete = 1 }, states.running.transition_timeouts)
      assert.same({ complete = 1 }, states.terminating.transition_timeouts)
    end)

    it("is ready in running, and takes the one event that is not an error", function()
      assert.equal(machine.states.running, machine.ready_state)
      assert.is_true(machine.states.running.ready)
      assert.is_false(machine.states.starting.ready)
      assert.equal("start", machine.states.idle.only)
      assert.equal("run", machine.states.starting.only)
      assert.equal("complete", machine.states.terminating.only)
      assert.is_nil(machine.states.stopped.only)
      assert.same({ "error", "run" }, machine.states.starting.events)
    end)

    it("links states, so that an event is one lookup", function()
      local state = machine.initial
      for _, event in ipairs { "start", "run", "complete", "complete" } do state = state.edges[event] end
      assert.equal(machine.states.stopped, state)
      for index, one in ipairs(machine.order) do assert.equal(index, one.index) end
    end)

    it("is shared by all who have the same heartbeat", function()
      assert.equal(machine, fsm.default(2))
    end)

    it("is what the parser makes of it", function()
      local parsed = fsm {
        initial = "idle",
        transitions = {
          idle = { start = "starting" },
          starting = { run = "running", error = "crashed" },
          running = { complete = "terminating", error = "crashed" },
          terminating = { complete = "stopped", error = "crashed" },
          stopped = fsm.OK,
          crashed = fsm.ERROR,
        },
        timeouts = {
          heartbeat = { running = 2 }, state = { starting = 10, terminating = 10 },
          transition = {
            ["idle -> starting"] = 1, ["starting -> running"] = 1,
            ["running -> terminating"] = 1, ["terminating -> stopped"] = 1,
          },
        },
      }
      assert.equal(parsed:describe(), machine:describe())
      assert.same(parsed.states, fsm.default(2).states)
      assert.same({ parsed.plan.names, parsed.plan.order, parsed.plan.timeouts },
        { fsm.default(2).plan.names, fsm.default(2).plan.order, fsm.default(2).plan.timeouts })
    end)

    it("has another for another heartbeat", function()
      assert.equal(0.5, fsm.default(0.5).states.running.heartbeat)
      assert.equal(2, machine.states.running.heartbeat)
    end)

    it("can be read as text (pretty_printer_renders_states_and_constraints)", function()
      assert.equal([[
idle (initial)
  start -> starting within 1 s
starting (at most 10 s)
  error -> crashed
  run -> running within 1 s
running (ready, heartbeat 2 s)
  complete -> terminating within 1 s
  error -> crashed
terminating (at most 10 s)
  complete -> stopped within 1 s
  error -> crashed
stopped (OK)
crashed (ERROR)]], machine:describe())
    end)
  end)

  it("has a machine for supervisors, which reaps before it crashes and can stop at any time", function()
    local machine = fsm.supervisor()
    assert.equal(machine, fsm.supervisor())
    assert.same({
      idle = { start = "starting", complete = "stopped" },
      starting = { run = "running", complete = "terminating", error = "reaping" },
      running = { complete = "terminating", error = "reaping" },
      terminating = { complete = "stopped", error = "crashed" },
      reaping = { complete = "crashed", error = "crashed" },
      stopped = {}, crashed = {},
    }, edges(machine))
    for _, state in ipairs(machine.order) do
      assert.is_nil(state.heartbeat)
      assert.is_nil(state.timeout)
      assert.same({}, state.transition_timeouts)
    end
  end)

  describe("notation", function()
    local expected = { a = { go = "b" }, b = { go = "done", error = "failed" }, done = {}, failed = {} }
    local forms = {
      ["a map"] = {
        a = { go = "b" }, b = { go = "done", error = "failed" }, done = OK, failed = ERROR,
      },
      ["a list with names"] = {
        { name = "go", from = "a", to = "b" }, { name = "go", from = "b", to = "done" },
        { name = "error", from = "b", to = "failed" }, done = OK, failed = ERROR,
      },
      ["a list by position"] = {
        { "a", "go", "b" }, { "b", "go", "done" }, { "b", "error", "failed" }, done = OK, failed = ERROR,
      },
      ["markers as targets"] = {
        a = { go = "b" }, b = { go = OK, error = ERROR }, done = OK, failed = ERROR,
      },
    }
    for form, transitions in pairs(forms) do
      it("may be " .. form, function()
        assert.same(expected, edges(fsm { initial = "a", transitions = transitions }))
        assert.same(expected, edges(fsm { transitions = transitions }))
      end)
    end

    it("implies the terminal states stopped and crashed", function()
      local machine = fsm { transitions = { a = { go = OK, error = ERROR } } }
      assert.same({ a = { go = "stopped", error = "crashed" }, stopped = {}, crashed = {} }, edges(machine))
      assert.equal("ok", machine.states.stopped.outcome)
      assert.equal("error", machine.states.crashed.outcome)
    end)

    it("takes several sources for one event", function()
      local machine = fsm { transitions = {
        { "a", "go", "b" }, { "b", "go", OK }, { name = "error", from = { "a", "b" }, to = ERROR },
      } }
      assert.same({ go = "b", error = "crashed" }, edges(machine).a)
      assert.same({ go = "stopped", error = "crashed" }, edges(machine).b)
    end)

    it("does not keep or change what it was given", function()
      local definition = { initial = "a", transitions = { a = { go = OK } }, timeouts = { state = { a = 1 } } }
      local machine = fsm(definition)
      definition.transitions.a.go, definition.timeouts.state.a = "x", 5
      assert.equal("stopped", machine.states.a.edges.go.name)
      assert.equal(1, machine:with_ready("a").states.a.timeout)
    end)
  end)

  describe("ready state", function()
    local transitions = { a = { go = "b", error = ERROR }, b = { go = "c" }, c = { go = OK } }
    local function machine(heartbeat)
      return fsm { transitions = transitions, timeouts = { heartbeat = heartbeat } }
    end

    it("is the first state with a heartbeat", function()
      assert.equal("c", machine { c = 1 }.ready_state.name)
      assert.equal("b", machine { c = 1, b = 1 }.ready_state.name)
      assert.equal("a", machine { a = 1, b = 1 }.ready_state.name)
    end)

    it("is the state after the initial one without heartbeats", function()
      assert.equal("b", machine {}.ready_state.name)
      assert.equal("a", fsm { transitions = { a = { go = OK } } }.ready_state.name)
    end)

    it("can be named, which leaves the machine itself as it was", function()
      local first = machine {}
      local second = assert(first:with_ready "c")
      assert.equal("c", second.ready_state.name)
      assert.is_true(second.states.c.ready)
      assert.is_false(second.states.b.ready)
      assert.is_true(first.states.b.ready)
      assert.is_false(first.states.c.ready)
      assert.equal(first, first:with_ready "b")
      assert.same(edges(first), edges(second))
    end)

    it("must be a known state that is not terminal", function()
      local _, message, code = fsm.default():with_ready "runing"
      assert.equal('unknown state "runing", did you mean "running"?', message)
      assert.equal("EINVAL", code)
      assert.equal('state "stopped" is terminal', select(2, fsm.default():with_ready "stopped"))
    end)
  end)

  it("orders states breadth first, terminal ones last, failures after successes", function()
    local machine = fsm { transitions = {
      a = { error = "bad", x = "b", y = "c" }, b = { x = "d" }, c = { x = "good" }, d = { x = "good" },
      bad = ERROR, good = OK,
    } }
    assert.same({ "a", "b", "c", "d", "good", "bad" }, names(machine.order))
  end)

  it("answers for targets and events (get_target_state_and_events)", function()
    local machine = fsm.default()
    assert.equal("starting", machine:target("idle", "start"))
    assert.same({ "complete", "error" }, machine:events "running")
    assert.same({}, machine:events "stopped")
    assert.equal('state "running" has no event "complet", did you mean "complete"?',
      select(2, machine:target("running", "complet")))
    assert.equal('state "stopped" is terminal', select(2, machine:target("stopped", "start")))
    assert.equal('unknown state "x"', select(2, machine:target("x", "start")))
    assert.equal('unknown state "x"', select(2, machine:events "x"))
  end)

  it("gets its timeouts into every event that makes the transition", function()
    local machine = fsm {
      transitions = { a = { x = "b", y = "b", z = OK }, b = { x = OK } },
      timeouts = { transition = { ["a->b"] = 3, ["a  ->  stopped"] = 4, ["b -> stopped"] = 5 } },
    }
    assert.same({ x = 3, y = 3, z = 4 }, machine.states.a.transition_timeouts)
    assert.same({ x = 5 }, machine.states.b.transition_timeouts)
  end)

  it("knows its own", function()
    assert.is_true(fsm.is(fsm.default()))
    assert.is_false(fsm.is {})
    assert.is_false(fsm.is(nil))
  end)
end)
