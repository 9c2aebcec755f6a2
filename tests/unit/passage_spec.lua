-- SPDX-License-Identifier: Apache-2.0
local fsm = require "luvisor.core.fsm"
local passage = require "luvisor.machine.worker.passage"
local past = require "luvisor.machine.worker.past"

local function machine_of(definition)
  local machine = definition and fsm(definition) or fsm.default()
  past.attach(machine)
  return machine
end

local function actors_of(...)
  local actors = {}
  for _, state in ipairs { ... } do actors[state] = { fn = function() end } end
  return actors
end

-- the worker's way when each state is seen
local function walk(machine, actors, state, event)
  local text, ready = "", false
  while event do
    state = state.edges[event]
    text, ready = machine.append(text, machine.code(event, state)), ready or state.ready
    event = not state.outcome and not actors[state.name] and state.only or nil
  end
  return { state = state, past = text, ready = ready, actor = actors[state.name] }
end

describe("a passage", function()
  it("leads from the beginning to the first state with an actor", function()
    local machine = machine_of()
    local found = passage.all({ actors = actors_of "running" }, machine).initial
    assert.equal("running", found.state.name)
    assert.is_true(found.ready)
    assert.same({ { event = "start", state = "starting" }, { event = "run", state = "running" } },
      machine.recall(found.past))
  end)

  it("does not move a worker whose first state has an actor", function()
    local machine = machine_of()
    local found = passage.all({ actors = actors_of("idle", "running") }, machine).initial
    assert.equal("idle", found.state.name)
    assert.is_false(found.ready)
    assert.equal("", found.past)
  end)

  it("leads to the end of a machine", function()
    local machine = machine_of()
    local found = passage.all({ actors = actors_of "running" }, machine)[machine.states.running].complete
    assert.equal("ok", found.state.outcome)
    assert.same({ { event = "complete", state = "terminating" }, { event = "complete", state = "stopped" } },
      machine.recall(found.past))
  end)

  it("is for every event what walking from state to state is", function()
    for _, names in ipairs { { "running" }, { "starting", "running" }, { "running", "terminating" } } do
      local actors = actors_of(table.unpack(names))
      local machine = machine_of()
      local all = passage.all({ actors = actors }, machine)
      for _, state in ipairs(machine.order) do
        for event in pairs(state.edges) do
          assert.same(walk(machine, actors, state, event), all[state][event])
        end
      end
    end
  end)

  it("is not there for a definition with hooks", function()
    assert.is_nil(passage.all({ actors = actors_of "running", hooks = { enter = {}, leave = {} } }, machine_of()))
  end)

  it("is not there where states without an actor go round", function()
    local machine = machine_of {
      initial = "a",
      transitions = { a = { go = "b", stop = "ended" }, b = { on = "c" }, c = { on = "b", error = "ended" },
        ended = fsm.OK },
    }
    local all = passage.all({ actors = actors_of "a" }, machine)
    assert.is_nil(all[machine.states.a].go)
    assert.equal("ended", all[machine.states.a].stop.state.name)
  end)

  it("takes a worker along, with the latest hundred entries", function()
    local machine = machine_of()
    local unit = {
      spec = { machine = machine, passages = passage.all({ actors = actors_of "running" }, machine) },
      past = machine.code("start", machine.states.starting):rep(100),
    }
    assert.equal("running", passage.take(unit, nil).name)
    assert.is_true(unit.is_ready)
    local entries = machine.recall(unit.past)
    assert.equal(100, #entries)
    assert.equal("running", entries[100].state)
    assert.is_nil(passage.take(unit, "no such event"))
    assert.equal("stopped", passage.take(unit, "complete").name)
  end)

  it("is worked out once for all workers of a definition and machine, and anew when an actor was added", function()
    local machine, definition = machine_of(), { actors = actors_of "running" }
    local all = passage.all(definition, machine)
    assert.equal(all, passage.all(definition, machine))
    local other = machine:with_ready "starting"
    past.attach(other)
    assert.not_equal(all, passage.all(definition, other))
    definition.actors.starting = { fn = function() end }
    assert.equal("starting", passage.all(definition, machine).initial.state.name)
    assert.is_nil(passage.all({ actors = definition.actors, hooks = {} }, machine))
  end)
end)
