-- SPDX-License-Identifier: Apache-2.0
-- A supervisor is a unit like any other: it has a supervisor of its own, and its failure is contained one level up.
-- `flaky` fails again and again; its supervisor allows one restart, then gives up, which ends `steady` beside it too;
-- the root restarts that whole branch, and the other branch never notices.
--
--   scripts/run examples/nested.lua
--
-- After three restarts of the branch the root gives up as well: the tree ends with exit code 1, and the last lines
-- of the log name the cause of the cause.
-- Try: restart = "temporary" at `flaky`; or strategy = "one_for_all" at the root; or EXECUTOR=process.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Steady = worker.define()
Steady:actor("running", { every = 0.5 }, function(self)
  return self.stopping and "complete" or "keepalive"
end)

local Flaky = worker.define()
Flaky:actor("running", function(self)
  self:sleep(0.3)
  if self.stopping then return "complete" end
  error("cannot go on")
end)

return luvisor.supervisor {
  name = "nested",
  intensity = { restarts = 3, within = 10 },
  children = {
    luvisor.supervisor {
      name = "left",
      children = { luvisor.worker { name = "steady", module = Steady } },
    },
    luvisor.supervisor {
      name = "right", executor = os.getenv "EXECUTOR", -- as a whole somewhere else: "thread", "process"
      intensity = { restarts = 1, within = 5 },
      children = {
        luvisor.worker { name = "steady", module = Steady },
        luvisor.worker { name = "flaky", module = Flaky },
      },
    },
  },
}
