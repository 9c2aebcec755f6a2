-- SPDX-License-Identifier: Apache-2.0
-- Everything stops in time, asked or forced.
--   polite    looks at `self.stopping` and ends
--   deaf      never looks: when its shutdown of 1 s is over, its wait is cancelled; what is to be closed is closed
--   stubborn  a program that ignores SIGTERM: killed after 1 s, with everything that it started
--
--   scripts/run examples/stuck_termination.lua
--
-- Try: Ctrl-C and look at the times. It is a good end all the same, exit code 0: stopping was what was asked for.
-- Try: Ctrl-C twice: the second one kills everything at once.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Polite = worker.define()
Polite:actor("running", { every = 0.5 }, function(self)
  return self.stopping and "complete" or "keepalive"
end)

local Deaf = worker.define()
Deaf:actor("running", function(self)
  local log = self.log
  local _ <close> = setmetatable({}, { __close = function() log:info("closed what it had open") end })
  while true do
    self:sleep(0.5)
    self:beat()
  end
end)

return luvisor.supervisor {
  name = "stuck",
  children = {
    luvisor.worker { name = "polite", module = Polite },
    luvisor.worker { name = "deaf", module = Deaf, shutdown = 1 },
    luvisor.program {
      name = "stubborn", command = { "sh", "-c", "trap '' TERM; while :; do sleep 1; done" },
      stop = { timeout = 1 },
    },
  },
}
