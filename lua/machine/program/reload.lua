-- Program reload: a program that runs is told to read its configuration again, by a signal to its leader or by a
-- command that runs as the program does.

local probe = require "luvisor.machine.probe"

local program_reload = {}

local UP = { RUNNING = true, UNHEALTHY = true }

local function by_signal(self, run, signal, reply)
  local ok, message, code = run.child:signal(signal)
  if not ok then return reply(nil, ("SIG%s: %s"):format(signal, message), code) end
  self.env.log("info", self, "reload: SIG%s", signal)
  reply(true)
end

local function by_command(self, run, how, reply)
  self.env.log("info", self, "reload: %s", how.command.text)
  run.reload_reply = reply
  run.reload = probe.begin(self, run, { probe = how.command, timeout = how.timeout }, function(ok, message)
    run.reload, run.reload_reply = nil, nil
    if ok then return reply(true) end
    self.env.log("error", self, "reload: %s", message)
    reply(nil, message, "FAILED")
  end)
end

--- Reloads; reply(true), or reply(nil, message, CODE), once: at once, or when the command has ended.
---@param self table the unit
---@param reply fun(ok: boolean|nil, message: string|nil, code: string|nil)
function program_reload.begin(self, reply)
  local how, run, path = self.spec.reload, self.run, self:path()
  if not how then return reply(nil, path .. ': has no key "reload"', "UNSUPPORTED") end
  if not run or not UP[run.state] then return reply(nil, path .. " is not running", "NOT_RUNNING") end
  if run.reload then return reply(nil, path .. " is being reloaded already", "BUSY") end
  if how.signal then return by_signal(self, run, how.signal, reply) end
  by_command(self, run, how, reply)
end

--- The program is about to end.
function program_reload.cancel(self, run)
  if not run.reload then return end
  probe.cancel(run.reload)
  local reply = run.reload_reply
  run.reload, run.reload_reply = nil, nil
  reply(nil, self:path() .. " ended before it was reloaded", "NOT_RUNNING")
end

return program_reload
