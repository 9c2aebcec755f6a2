-- Program hook: calls a hook of a program's, with its time limit, and goes on when it has returned. A hook fails when
-- it raises an error, returns false or nil and a message, or has not returned in time. That is always said in the log;
-- what else comes of it is for who asked.

local probe = require "luvisor.machine.probe"

local program_hook = {}

--- Whether a program has a hook.
---@param name string "before start" and so on
function program_hook.has(self, name)
  return self.spec.hooks ~= nil and self.spec.hooks[name] ~= nil
end

local function event_of(self, run)
  return {
    name = tostring(self.name), path = self:path(), generation = run.generation, pid = run.pid, exit = run.exit,
  }
end

--- Calls a hook, then go_on(ok, message): at once where there is none; ok is false if its failure matters.
---@param self table the unit
---@param run table its generation
---@param name string "before start" and so on
---@param go_on fun(ok: boolean, message: string|nil)
function program_hook.call(self, run, name, go_on)
  local hook = self.spec.hooks and self.spec.hooks[name]
  if not hook then return go_on(true) end
  local what = { kind = "hook", fn = hook.fn, text = name, event = event_of(self, run) }
  run.hooks = run.hooks or {}
  run.hooks[name] = probe.begin(self, run, { probe = what, timeout = hook.timeout }, function(ok, message)
    run.hooks[name] = nil
    if not ok then self.env.log("error", self, "%s", message) end
    go_on(ok or hook.on_failure == "ignore", message)
  end)
end

--- Whether a hook of the generation is being called.
function program_hook.is_busy(run)
  return run.hooks ~= nil and next(run.hooks) ~= nil
end

--- Calls off the hook of a name, or all, that are being called: nobody is told.
---@param name? string
function program_hook.cancel(run, name)
  if not run.hooks then return end
  for one, attempt in pairs(run.hooks) do
    if not name or one == name then
      probe.cancel(attempt)
      run.hooks[one] = nil
    end
  end
end

return program_hook
