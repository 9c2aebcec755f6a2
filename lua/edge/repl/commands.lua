-- Repl commands: the functions that a session of the REPL has beside Lua's own. Each takes units by path, by an
-- unambiguous last part, or as handles. What the control socket can do they do through its methods.

local branch = require "luvisor.machine.branch"
local handle = require "luvisor.machine.handle"
local inspect = require "luvisor.machine.inspect"
local lookup = require "luvisor.machine.lookup"
local rpc = require "luvisor.edge.control.rpc"
local script = require "luvisor.edge.script"
local sheet = require "luvisor.edge.sheet"
local steps = require "luvisor.edge.control.steps"
local why_text = require "luvisor.edge.why_text"

local repl_commands = {}

local PATIENCE = 60 -- seconds for what has to start or stop

local HELP = {
  { "tree([u])", "the units, or those below one, with their states" },
  { "info(u)", "everything about a unit" }, { "why(u)", "what happened to it, each with its cause" },
  { "state(u)", "a worker's data" }, { "set_state(u, fn)", "replaces it by fn(data)" },
  { "fsm(u)", "a worker's machine, and where it is in it" },
  { "trace(u [, on])", "logs what a worker does, or stops to" },
  { "messages(u)", "what a worker's mailbox has seen, and how much of it waits" },
  { "stop(u) start(u) restart(u)", "says what state was reached" },
  { "set(u, key, value)", "another value in place, until the next reload; restart takes a policy, or its text" },
  { "scale(u, n) remove(u)", "so many instances of a counted program; stops and forgets a unit" },
  { "reload() plan() rollback()", "applies the script as it is now; shows what that would do; goes back" },
  { "at(u)", "evaluates code in a worker's own runtime, as its `self`: at 'etl/x' 'self.data'" },
  { "unit(u)", "its handle; luvisor is there, too" }, { "help()", "this" },
}

-- ---- units

local function handle_of(what)
  if handle.unit(what) then return what end
  if type(what) ~= "string" then error("expected a unit: its path in quotes, or a handle", 0) end
  local found, message = script.find(what)
  return found or error(message, 0)
end

local function unit_of(what)
  return handle.unit(handle_of(what))
end

local function path_of(what)
  return handle_of(what).path
end

-- ---- looking

local COLUMNS = { { title = "UNIT" }, { title = "STATE" }, { title = "PID", right = true }, { title = "WHY" } }
local SHOWN = 200

local function add_rows(unit, depth, rows)
  local about = inspect.unit(unit, tostring(unit.name))
  rows[#rows + 1] = { ("  "):rep(depth) .. about.name, about.state, about.pid or "-", about.why or "" }
  for _, child in ipairs(branch.children(unit)) do
    if #rows > SHOWN then return end
    add_rows(child, depth + 1, rows)
  end
end

local function machine_text(unit, machine)
  local present = inspect.unit(unit).state -- also of one in another runtime
  local lines = {}
  for _, state in ipairs(machine.order) do
    local mark = state.name == present and "* " or "  "
    local ways = {}
    for _, event in ipairs(state.events) do ways[#ways + 1] = event .. " -> " .. state.edges[event].name end
    local limits = state.heartbeat and (" heartbeat %g s"):format(state.heartbeat) or ""
    if state.timeout then limits = ("%s at most %g s"):format(limits, state.timeout) end
    local outcome = state.outcome and "ends: " .. state.outcome or table.concat(ways, ", ")
    lines[#lines + 1] = ("%s%s  %s%s"):format(mark, state.name, outcome, limits)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function add_looking(own, session, print)
  local tree = session.context.tree

  function own.tree(what)
    local rows = {}
    add_rows(what and unit_of(what) or tree.root, 0, rows)
    if #rows > SHOWN then rows[#rows + 1] = { "...", "", "", "" } end
    session:put(sheet.text(COLUMNS, rows))
  end

  function own.info(what)
    return inspect.closely(unit_of(what))
  end

  function own.unit(what)
    return handle_of(what)
  end

  function own.fsm(what)
    local unit = unit_of(what)
    local machine = unit.spec.machine or (lookup.declared(unit) or unit.spec).machine
    if not machine then error(unit:path() .. " is not a worker that the script declares", 0) end
    session:put(machine_text(unit, machine))
  end

  function own.help()
    for _, line in ipairs(HELP) do print(("%-28s %s"):format(line[1], line[2])) end
  end
end

-- ---- methods of the control socket

-- Waits, on the evaluation's own coroutine, for what begin(reply) leads to.
local function wait(session, begin)
  local task = session.context.env.task
  local id, number = task.current()
  if not id then error("only while a piece is being evaluated", 3) end
  session:extend(PATIENCE)
  session.context.env.post(function() begin(function(...) task.wake(id, number, ...) end) end)
  local result, second = task.park(PATIENCE)
  if result == nil then error(second or "no answer", 0) end
  return result, second
end

local function ask(session, name, params)
  return (wait(session, function(reply) rpc.invoke(session.context, name, params, reply) end))
end

local function outcome_text(outcome)
  local more = not outcome.ok and " " .. outcome.message or outcome.why and (" (%s)"):format(outcome.why) or ""
  return ("%s: %s%s\n"):format(outcome.path, outcome.state or "failed", more)
end

local function add_methods(own, session)
  for _, name in ipairs { "start", "stop", "restart" } do
    own[name] = function(what)
      local result = ask(session, name, { units = { path_of(what) } })
      for _, outcome in ipairs(result.units) do session:put(outcome_text(outcome)) end
    end
  end

  function own.why(what)
    session:put(why_text.of(ask(session, "why", { units = { path_of(what) } })))
  end

  local function add_steps(name, params_of)
    own[name] = function(...) session:put(steps.text(ask(session, name, params_of(...)))) end
  end
  for _, name in ipairs { "reload", "plan", "rollback" } do
    add_steps(name, function() return {} end)
  end
  add_steps("remove", function(what) return { units = { path_of(what) } } end)
  add_steps("scale", function(name, count) return { unit = name, count = count } end)
  add_steps("set", function(what, key, value) return { unit = path_of(what), key = key, value = value } end)
end

-- ---- workers

local function checked(...)
  if (...) == nil then error((select(2, ...)), 0) end
  return ...
end

local function add_workers(own, session)
  function own.state(what)
    local state, data = checked(handle_of(what):get_state())
    return { state = state, data = data }
  end

  function own.set_state(what, fn)
    return checked(handle_of(what):replace_state(fn))
  end

  function own.messages(what)
    return checked(handle_of(what):statistics())
  end

  function own.trace(what, on)
    return checked(handle_of(what):trace(on))
  end

  function own.at(what)
    local unit = unit_of(what)
    if unit.spec.kind ~= "worker" then error(unit:path() .. " is not a worker", 0) end
    return function(code)
      session:put((wait(session, function(reply) session:at(unit, code, reply) end)))
    end
  end
end

--- The functions for a session; its print writes what it is given to whoever asked.
---@param session luvisor.ReplSession
---@param print fun(...: any)
---@return table<string, function>
function repl_commands.make(session, print)
  local own = {}
  add_looking(own, session, print)
  add_methods(own, session)
  add_workers(own, session)
  return own
end

return repl_commands
