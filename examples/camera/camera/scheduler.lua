-- SPDX-License-Identifier: Apache-2.0
-- Has the report written every so often. `report` is a unit like any other, only that it is started by hand.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Scheduler = worker.define()

Scheduler:actor("starting", function(self)
  self.jobs = assert(luvisor.find "camera/jobs")
  self.due = 0
  return "run"
end)

-- Looked at more often than it is due, for a heartbeat a second.
Scheduler:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  self.due = self.due - 0.2
  if self.due > 0 then return "keepalive" end
  local ok, message, code = self.jobs:restart_child "report"
  if not ok then self.log:warn("report: %s (%s)", message, code) end
  self.due = self.args.every
  return "keepalive"
end)

return Scheduler
