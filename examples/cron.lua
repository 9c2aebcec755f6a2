-- SPDX-License-Identifier: Apache-2.0
-- Jobs by the clock: one every two seconds, one by a line as in a crontab, and one that comes after the first.
--
--   scripts/run examples/cron.lua
--
-- Try: a `sleep 5` in the command of `tick`: runs are skipped, and that is said. Then overlap = "wait", or "kill".

local luvisor = require "luvisor"

local function failed(self, event)
  self.log:error("%s failed: %s; somebody should know", event.name, event.exit)
end

return luvisor.supervisor {
  name = "cron",
  children = {
    luvisor.program {
      name = "tick", command = "echo tick", stdout = { prefix = true }, schedule = { every = 2, at_start = true },
    },
    luvisor.program {
      name = "nightly", command = "echo counting the stars", stdout = { prefix = true },
      schedule = "30 2 * * *", max_age = 3600,
    },
    luvisor.program {
      name = "fails", command = "false", schedule = { every = 2, at_start = true }, after = { fail = failed },
    },
    luvisor.program { name = "once", command = "echo after the first tick", stdout = { prefix = true },
      restart = "transient", after = { tick = "done" } },
  },
}
