-- Chore: the worker that a task is in a runtime of its own. It is told, in the unit's extra arguments, what to call
-- (`code`: bytes of a function, or `module`) and with what (`row`: encoded values); what that returns goes back to the
-- runtime of the task's owner, see machine/job.lua.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local fsm = luvisor.fsm

local Chore = worker.define {
  fsm = fsm {
    initial = "starting",
    transitions = {
      starting = { run = "running" }, running = { complete = "done", error = "failed" },
      done = fsm.OK, failed = fsm.ERROR,
    },
  },
}

Chore:actor("running", function(self)
  local env, told = self._unit.env, self._unit.extra
  local fn, message = (told.code and env.code.unpack or env.code.of_module)(told.code or told.module)
  if not fn then error(message, 0) end
  local row = env.codec.decode(told.row)
  local bytes
  bytes, message = env.codec.encode(fn(self, table.unpack(row, 1, row.n)))
  if not bytes then error("result of a task: " .. message, 0) end
  assert(env.tell_result(bytes))
  return "complete"
end)

return Chore
