#!/usr/bin/env luvisor
-- A worker that never comes back, beside one that does: its heartbeat finds it, it is ended and started again, and the
-- other one beats on. That holds wherever it runs: EXECUTOR="thread", or "process", is all there is to change.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Runaway = worker.define()

Runaway:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  if self.generation > 2 then return "keepalive" end -- it has learned
  self.log:info("runs away")
  while true do
    pcall(function() while true do end end) -- what is caught here changes nothing
  end
end)

local Steady = worker.define()

Steady:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.beats = (self.beats or 0) + 1
  if self.beats % 10 == 0 then self.log:info("beat %d", self.beats) end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "race",
  children = {
    luvisor.worker { name = "steady", module = Steady },
    luvisor.worker { name = "runaway", module = Runaway, heartbeat = 0.5, executor = os.getenv "EXECUTOR" },
  },
}
