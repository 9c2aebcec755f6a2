-- Program retire: what comes before the signal when a program is to end: the hook, which has a time of its own, then
-- the stop command, which may use half of the shutdown time. Then, whatever came of them, the signal and what follows
-- it (program/stop.lua). A program that ends meanwhile is over when they are.

local probe = require "luvisor.machine.probe"
local program_hook = require "luvisor.machine.program.hook"
local program_stop = require "luvisor.machine.program.stop"

local program_retire = {}

local FOREVER = 1e9 -- seconds

local function signal_of(spec)
  return spec.stop and spec.stop.signal or "TERM"
end

local function signal_now(self, run)
  run.retiring = nil
  if run.when_retired then return run.when_retired() end
  if not run.exit then program_stop.ask(self, run, signal_of(self.spec)) end
end

local function half(seconds)
  return type(seconds) == "number" and seconds / 2 or FOREVER
end

local function run_command(self, run)
  local command = self.spec.stop and self.spec.stop.command
  if not command or run.exit then return signal_now(self, run) end
  program_stop.limit(self, run)
  run.command = probe.begin(self, run, { probe = command, timeout = half(self.spec.shutdown or 10) },
    function(ok, message)
      run.command = nil
      if not ok then self.env.log("warn", self, "stop command: %s", message) end
      signal_now(self, run)
    end)
end

--- Begins.
function program_retire.begin(self, run)
  local spec = self.spec
  if spec.shutdown == "kill" or not spec.hooks and not (spec.stop and spec.stop.command) then
    return program_stop.ask(self, run, signal_of(spec))
  end
  run.retiring = true
  program_hook.call(self, run, "before stop", function() run_command(self, run) end)
end

--- Calls fn() when nothing of it is under way any more.
function program_retire.finish(run, fn)
  if not run.retiring then return fn() end
  run.when_retired = fn
end

--- No more of it: the program is to be killed.
function program_retire.cancel(run)
  program_hook.cancel(run)
  probe.cancel(run.command)
  run.retiring, run.command = nil, nil
  if run.when_retired then run.when_retired() end
end

return program_retire
