-- SPDX-License-Identifier: Apache-2.0
-- A policy that is tuned while the tree runs. The program gives up after its first retry; from the REPL it is given
-- another policy, quicker restarts, and a new start, and the script stays as it is.
--
--   scripts/run examples/tuned_policy.lua                  in one terminal; `luvisor repl` in another:
--   > set("flaky", "restart", luvisor.restart.retries(4))
--   > set("flaky", "backoff.max", 0.1)
--   > start "flaky"
--   > plan()                                               what a reload would take back
--   > reload()                                             and it does
--
-- Try: a policy of your own in place of retries(4): function(exit) return exit.code == 7 and "give_up" or "restart" end

local luvisor = require "luvisor"

return luvisor.supervisor {
  name = "tuned",
  children = {
    luvisor.program {
      name = "flaky", command = { "sh", "-c", "exit 7" },
      backoff = { min = 0.1, max = 30, jitter = 0 }, restart = luvisor.restart.retries(1),
    },
    luvisor.program { name = "steady", command = "sleep 1000", ready = { after = 0 } },
  },
}
