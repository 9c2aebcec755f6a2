-- SPDX-License-Identifier: Apache-2.0
-- Restarts that take their time. A unit with `backoff` waits longer after every failure, and its restarts do not count
-- for the intensity of its supervisor. Programs have it by default, workers where the script gives it.
--   retrying  a worker that fails three times and then runs: 0.1 s, 0.2 s, 0.4 s
--   failing   a program that ends at once: three retries of a start that failed, then FATAL
--   missing   a command that does not exist: FATAL in the same way, with the failed call as the reason
--   chosen    a policy made of building blocks: exit code 3 is not worth another try
--
--   scripts/run examples/backoff.lua
--
-- A unit that is FATAL stays so and hurts nobody; the tree runs until Ctrl-C.
-- Try: critical = true at `missing`: now its end is the end of the tree, with exit code 1.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local restart = luvisor.restart

local pace = { min = 0.1, max = 1, factor = 2, jitter = 0 }

local Retrying = worker.define()
Retrying:actor("running", { every = 0.5 }, function(self)
  if self.stopping then return "complete" end
  if self.generation <= 3 then error("not yet") end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "backoff",
  children = {
    luvisor.worker { name = "retrying", module = Retrying, backoff = pace },
    luvisor.program { name = "failing", command = { "sh", "-c", "exit 7" }, backoff = pace },
    luvisor.program { name = "missing", command = { "there-is-no-such-command" }, backoff = pace },
    luvisor.program {
      name = "chosen", command = { "sh", "-c", "exit 3" }, backoff = pace,
      restart = restart.first(restart.exit_codes { [3] = "give_up" }, restart.retries(5), restart.always),
    },
  },
}
