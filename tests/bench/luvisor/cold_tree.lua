-- SPDX-License-Identifier: Apache-2.0
-- The tree whose cold start is measured: one worker, which says that it runs and ends.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local brief = worker.define()
brief:actor("running", function()
  io.write("running\n")
  io.flush()
  return "complete"
end)

return luvisor.supervisor { name = "cold", children = { luvisor.worker { name = "brief", module = brief } } }
