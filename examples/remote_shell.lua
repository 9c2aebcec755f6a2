#!/usr/bin/env luvisor
-- An executor of one's own: workers at the other end of a pipe to a shell.
--
-- Here the shell is `sh`. With REMOTE_SHELL="ssh box" and REMOTE_LUVISOR=luvisor the same workers run on another
-- machine: all that goes through the pipe is standard input and output of `luvisor guest 0 1`. The worker knows nothing
-- of it: its log lines, events, heartbeats and exits are those of a worker on any other executor, and so is what its
-- supervisor does about them.

local luvisor = require "luvisor"
local uv = require "luv"
local worker = require "luvisor.worker"

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

luvisor.executor("shell", {
  -- Starts the shell and connects the unit with it. What is returned is handed to the others.
  start = function(unit)
    local to, from = uv.new_pipe(false), uv.new_pipe(false)
    local command = words(os.getenv "REMOTE_SHELL" or "sh -c")
    command[#command + 1] = ("exec %s guest 0 1"):format(os.getenv "REMOTE_LUVISOR" or uv.exepath())
    local process, pid
    process, pid = uv.spawn(command[1], {
      args = table.move(command, 2, #command, 1, {}), stdio = { to, from, 2 },
      detached = true, -- a Ctrl-C in the terminal is for the host alone
    }, function(code, signal)
      process:close()
      unit:ended(signal ~= 0 and { kind = "signal", signal = signal } or { kind = "exit", code = code })
    end)
    if not process then return nil, pid end -- the message; the unit's exit is of kind "spawn"
    unit.log:info("shell of generation %d has pid %d", unit.generation, pid)
    unit:connect(from, to)
    return process
  end,

  -- The unit is asked to stop through the pipe; nothing else is needed for it here.
  stop = function() end,

  kill = function(_, process)
    if not process:is_closing() then process:kill "sigkill" end
  end,

  alive = function(_, process)
    return process:is_active()
  end,
})

local Counter = worker.define()

Counter:actor("starting", function(self)
  self.count = 0
  self.log:info("counts on from %d", self.args.from)
  return "run"
end)

Counter:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.count = self.count + 1
  if self.count == self.args.fail_at then error "lost count" end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "remote",
  children = {
    luvisor.worker { name = "steady", module = Counter, executor = "shell", args = { from = 0 } },
    luvisor.worker { name = "flaky", module = Counter, executor = "shell", args = { from = 10, fail_at = 5 },
      backoff = { min = 0.2 } },
  },
}
