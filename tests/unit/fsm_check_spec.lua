local fsm = require "luvisor.core.fsm"

local OK, ERROR = fsm.OK, fsm.ERROR

-- Runsmith's cases among these: fsm_raises_when_multiple_initial_states, fsm_raises_when_no_terminal_states,
-- fsm_raises_on_invalid_initial_event, constraint_validation_rejects_unknown_targets; its "..." as a terminal marker
-- (fsm_rejects_deprecated_ellipsis_terminal_marker) never was one here.
describe("fsm refuses", function()
  local good = { a = { go = "b", error = ERROR }, b = { go = OK } }
  local function with(timeouts) return { transitions = good, timeouts = timeouts } end
  local cases = {
    { "what is no table", 3, "fsm: expected a table, got number" },
    { "an unknown key", { transitions = good, initail = "a" }, 'unknown key "initail", did you mean "initial"?' },
    { "no transitions", {}, "transitions are missing" },
    { "transitions of another type", { transitions = "x" }, "transitions: expected a table, got string" },
    { "an empty machine", { transitions = {} }, "No terminal states found, one must be fsm.OK or fsm.ERROR" },
    { "several initial states", { initial = "a", transitions = { a = { go = OK }, b = { go = OK } } },
      "Expected exactly one initial state, got 2 (a, b)" },
    { "no initial state", { transitions = { a = { go = "b" }, b = { go = "a", stop = OK } } },
      "Expected exactly one initial state, got 0" },
    { "an initial state that is a target", { initial = "a", transitions = { a = { go = "b" },
      b = { back = "a", go = OK } } },
      'initial state "a" is the target of event "back" of state "b", and may never be one' },
    { "an initial state that leads to itself", { initial = "a", transitions = { a = { go = "a", stop = OK } } },
      'initial state "a" is the target of event "go" of state "a", and may never be one' },
    { "an unknown initial state", { initial = "idel", transitions = { idle = { go = OK } } },
      'unknown initial state "idel", did you mean "idle"?' },
    { "an initial state of another type", { initial = 1, transitions = good },
      "initial: expected a name, got number" },
    { "a terminal initial state", { initial = "b", transitions = { a = { go = "b" }, b = OK } },
      'initial state "b" is terminal' },
    { "no terminal state", { transitions = { a = { go = "b" }, b = { go = "b" } } },
      "No terminal states found, one must be fsm.OK or fsm.ERROR" },
    { "an unknown target", { transitions = { a = { go = "runing" }, running = { go = OK } } },
      'state "a": event "go": unknown target state "runing", did you mean "running"?' },
    { "a target of a list that is no state", { transitions = { { "a", "go", "b" }, { "a", "x", OK } } },
      'state "a": event "go": unknown target state "b"' },
    { "the old terminal marker", { transitions = { a = { go = "b" }, b = "..." } },
      'state "b": expected a table of events, fsm.OK or fsm.ERROR, got string' },
    { "a state that cannot be reached", { transitions = { a = { go = OK }, b = { go = "c" }, c = { go = "b" } } },
      'state "b" cannot be reached from the initial state "a"' },
    { "a terminal state that cannot be reached", { transitions = { a = { go = OK }, crashed = ERROR } },
      'state "crashed" cannot be reached from the initial state "a"' },
    { "a dead end", { transitions = { a = { go = OK, x = "b" }, b = {} } },
      'state "b" is a dead end, no terminal state can be reached from it' },
    { "a circle without a way out", { transitions = { a = { go = OK, x = "b" }, b = { x = "c" }, c = { x = "b" } } },
      'state "b" is a dead end, no terminal state can be reached from it' },
    { "an event given twice", { transitions = { { "a", "go", OK }, { "a", "go", ERROR } } },
      'state "a": event "go" is given twice' },
    { "keepalive as an event", { transitions = { a = { keepalive = OK } } },
      'state "a": "keepalive" cannot be an event' },
    { "events of a terminal state", { transitions = { { "a", "go", "b" }, { "b", "go", OK }, b = OK } },
      'state "b" is terminal and can have no events' },
    { "a state name with a space", { transitions = { ["a b"] = { go = OK } } },
      'state: "a b" is not a name (letters, digits, "_", "-", ".")' },
    { "an arrow in a name", { transitions = { ["a->b"] = { go = OK } } },
      'state: "a->b" is not a name (letters, digits, "_", "-", ".")' },
    { "an event that is no name", { transitions = { a = { [true] = OK } } },
      'state "a": event: expected a name, got boolean' },
    { "a target that is no name", { transitions = { a = { go = 5 } } },
      'state "a": target of event "go": expected a name, got number' },
    { "an unknown key of an entry", { transitions = { { name = "go", form = "a", to = OK } } },
      'transitions[1]: unknown key "form", did you mean "from"?' },
    { "an entry without from", { transitions = { { name = "go", to = OK } } }, "transitions[1]: from is missing" },
    { "an entry without to", { transitions = { { name = "go", from = "a" } } },
      'state "a": target of event "go": expected a name, got nil' },
    { "an entry without name", { transitions = { { from = "a", to = OK } } },
      'state "a": event: expected a name, got nil' },
    { "a short entry", { transitions = { { "a", "go" } } }, "transitions[1]: expected { from, event, to }" },
    { "an entry that is no table", { transitions = { "a" } }, "transitions[1]: expected a table, got string" },
    { "an ambiguous marker", { transitions = { a = { go = OK, x = "b", y = "c" }, b = OK, c = OK } },
      "target fsm.OK is ambiguous, name one of the states b, c" },
    { "a marker whose name is taken", { transitions = { a = { go = "stopped" }, stopped = { x = OK } } },
      'target fsm.OK needs a terminal state, but state "stopped" has events' },
    { "an unknown sort of timeout", with { hearbeat = {} },
      'timeouts: unknown key "hearbeat", did you mean "heartbeat"?' },
    { "a timeout on an unknown state", with { heartbeat = { c = 1 } }, 'timeouts.heartbeat: unknown state "c"' },
    { "a timeout on a terminal state", with { state = { stopped = 1 } },
      'timeouts.state: state "stopped" is terminal' },
    { "a timeout of 0", with { state = { a = 0 } },
      'timeouts.state["a"]: a timeout must be a number of seconds > 0, got 0' },
    { "a negative timeout", with { state = { a = -1 } },
      'timeouts.state["a"]: a timeout must be a number of seconds > 0, got -1' },
    { "an infinite timeout", with { heartbeat = { a = 1 / 0 } },
      'timeouts.heartbeat["a"]: a timeout must be a number of seconds > 0, got inf' },
    { "a timeout that is text", with { heartbeat = { a = "1" } },
      'timeouts.heartbeat["a"]: a timeout must be a number of seconds > 0, got string' },
    { "a transition that is not written as one", with { transition = { ["a b"] = 1 } },
      'timeouts.transition: "a b" is not of the form "from -> to"' },
    { "a timeout on an unknown source", with { transition = { ["x -> b"] = 1 } },
      'timeouts.transition: unknown state "x"' },
    { "a timeout on an unknown target", with { transition = { ["a -> x"] = 1 } },
      'timeouts.transition: unknown state "x"' },
    { "a timeout on a missing transition", with { transition = { ["b -> crashed"] = 1 } },
      'timeouts.transition: there is no transition "b -> crashed"' },
    { "a timeout from a terminal state", with { transition = { ["stopped -> a"] = 1 } },
      'timeouts.transition: state "stopped" is terminal' },
    { "two timeouts of one transition", with { transition = { ["a -> b"] = 1, ["a->b"] = 2 } },
      'timeouts.transition: "a -> b" is given twice' },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local machine, message, code = fsm.compile(case[2])
      assert.is_nil(machine)
      assert.equal(case[3], message)
      assert.equal("EINVAL", code)
    end)
  end

  it("at the line of the call when called as a function", function()
    local ok, message = pcall(function() fsm {} end)
    assert.is_false(ok)
    assert.matches("fsm_check_spec%.lua:%d+: fsm: transitions are missing$", message)
  end)
end)
