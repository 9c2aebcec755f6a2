-- SPDX-License-Identifier: Apache-2.0
-- One worker, supervised. It counts, and fails at every fifth tick; its supervisor starts it again with a fresh `self`,
-- so the count begins anew while the generation goes up.
--
--   scripts/run examples/one_worker.lua
--
-- Try: Ctrl-C. The worker sees `self.stopping`, takes the way out of its machine, and the host ends with exit code 0.
-- Try: return "keepalive" in place of the error, or make `every` 3: two seconds without a heartbeat are too many.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Counter = worker.define()

Counter:actor("starting", function(self)
  self.count = 0
  return "run"
end)

Counter:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  self.count = self.count + 1
  self.log:info("tick %d of generation %d", self.count, self.generation)
  if self.count == 5 then error("five is too many") end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "one_worker",
  intensity = { restarts = 10, within = 5 }, -- it fails once a second; the usual 3 within 5 s would soon be too many
  children = {
    luvisor.worker { name = "counter", module = Counter },
  },
}
