-- Methods, commands: starting and stopping units, and ending the host.

local check = require "luvisor.core.check"
local command = require "luvisor.machine.command"
local signals = require "luvisor.core.signals"
local json = require "host.json"
local manager = require "luvisor.edge.service.manager"
local names = require "luvisor.edge.control.names"
local rpc = require "luvisor.edge.control.rpc"
local runtime = require "host.runtime"
local selection = require "luvisor.machine.selection"
local steps = require "luvisor.edge.control.steps"

local methods = {}

local DEFAULT_TIMEOUT = 60 -- seconds

-- ---- start, stop, restart

local function answer(self)
  if self.answered or self.left > 0 then return end
  self.answered = true
  runtime.cancel(self.timer)
  local ok, timed_out = true, false
  for _, outcome in ipairs(self.outcomes) do
    ok = ok and outcome.ok
    timed_out = timed_out or outcome.code == "TIMED_OUT"
  end
  self.reply { ok = ok, timed_out = timed_out, units = json.array(self.outcomes) }
end

local function note_outcome(self, i, outcome)
  self.outcomes[i] = outcome
  self.left = self.left - 1
  if self.progress then
    self.client:notify("progress", { outcome = outcome, done = #self.units - self.left, total = #self.units })
  end
  answer(self)
end

local function time_over(self)
  for i = 1, #self.units do
    if self.commands[i] then command.give_up(self.commands[i]) end
  end
end

-- What is started is started in the order of the tree, what is stopped in the opposite one.
local function reversed(units)
  local list = {}
  for i = #units, 1, -1 do list[#list + 1] = units[i] end
  return list
end

local function run_all(self, context, what, params)
  local options = { cause = steps.cause(what, self.client), force = params.force }
  for i, unit in ipairs(self.units) do
    context.log("info", unit, "%s", options.cause)
    if context.env.watched.command then context.env.emit("command", unit, { cause = options.cause }) end
    self.commands[i] = command.run(context.tree, unit, what, options, function(outcome)
      note_outcome(self, i, outcome)
    end)
  end
end

local function started(units)
  local list = json.array()
  for i, unit in ipairs(units) do list[i] = { path = unit:path(), ok = true, state = "ASKED" } end
  return { ok = true, units = list }
end

local function define(what, summary)
  methods[what] = {
    summary = summary, required = { "units" },
    params = {
      units = names.list, force = check.boolean, wait = check.boolean, progress = check.boolean,
    },
    call = function(context, params, reply, client)
      local units, message, code = selection.find(context.tree, params.units)
      if not units then return reply(nil, message, code) end
      units = selection.outermost(units)
      if what == "stop" then units = reversed(units) end
      local self = {
        units = units, left = #units, outcomes = {}, commands = {}, reply = reply, client = client,
        progress = params.progress,
      }
      if params.wait == false then reply(started(units)) end
      self.timer = runtime.after(rpc.answer_within(params.timeout or DEFAULT_TIMEOUT), function() time_over(self) end)
      run_all(self, context, what, params)
    end,
  }
end

define("start", "starts units, and answers when they are ready, have ended well, or are FATAL")
define("stop", "stops units, and answers when they are wholly gone")
define("restart", "stops units and starts them again")

-- ---- signals

local function signal_one(unit, signal, cause, log)
  local run = unit.run
  if unit.spec.kind ~= "program" then
    return { ok = false, message = ("is a %s, not a program"):format(unit.spec.kind) }
  end
  if unit.forward and unit.pid then
    unit:forward(unit, "signal", signal, function() end)
    return { ok = true, pid = unit.pid }
  end
  if not run or not run.child or run.exit then return { ok = false, message = "is not running" } end
  log("info", unit, "SIG%s: %s", signal, cause)
  local ok, message = run.child:signal(signal)
  return { ok = ok or false, message = message, pid = run.pid }
end

local function signal_name(value)
  local number, message = signals.number(math.tointeger(tonumber(value)) or value)
  if not number then return false, message end
  return true, (signals.name(number):gsub("^SIG", ""))
end

methods.signal = {
  summary = "sends a signal to the leaders of programs", required = { "units", "signal" },
  params = { units = names.list, signal = signal_name },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    local result = { ok = true, units = json.array() }
    for i, unit in ipairs(units) do
      local outcome = signal_one(unit, params.signal, steps.cause("signal", client), context.log)
      outcome.path = unit:path()
      result.ok, result.units[i] = result.ok and outcome.ok, outcome
    end
    reply(result)
  end,
}

-- ---- the host

methods.shutdown = {
  summary = "stops the tree and ends the host; a second time, or with force, kills",
  params = { force = check.boolean },
  call = function(context, params, reply, client)
    local tree, cause = context.tree, steps.cause("shutdown", client)
    reply { ok = true }
    if tree.stopping and not params.force then return end
    local again = tree.stopping
    tree.stopping = true
    if not again then manager.stopping(cause) end
    context.log("info", "luvisor", "%s: %s", cause, params.force and "killing everything" or "stopping")
    if params.force and not again then tree:stop(cause) end
    if params.force then tree:kill(cause) else tree:stop(cause) end
  end,
}

return methods
