-- SPDX-License-Identifier: Apache-2.0
-- A worker with a machine of its own: a line that connects, is lost, reconnects, and hangs up in the end. The machine
-- says which events each state has and how long anything may take; hooks run between leaving and entering.
--
--   scripts/run examples/custom_fsm.lua
--
-- It ends by itself after two losses: `closed` is a good end (fsm.OK), so the worker is retired, and with it the tree.
-- Try: an event that its state does not have, "conected"; or a state that cannot be reached: the message names it.
-- Try: sleep for 2 s in `online`, which has a heartbeat timeout of 1 s.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local fsm = luvisor.fsm

local Line = worker.define {
  fsm = fsm {
    initial = "connecting",
    transitions = {
      connecting = { connected = "online", error = "failed" },
      online = { lost = "reconnecting", hang_up = "closed", error = "failed" },
      reconnecting = { connected = "online", hang_up = "closed", error = "failed" },
      closed = fsm.OK,
      failed = fsm.ERROR,
    },
    timeouts = {
      heartbeat = { online = 1 },
      state = { connecting = 5, reconnecting = 5 },
      transition = { ["online -> closed"] = 1 },
    },
  },
}

Line:actor("connecting", function(self)
  self.losses = 0
  self:sleep(0.2)
  return "connected"
end)

Line:actor("online", { every = 0.1 }, function(self)
  if self.stopping or self.losses == 2 then return "hang_up" end
  self.beats = (self.beats or 0) + 1
  if self.beats % 5 == 0 then return "lost" end
  return "keepalive"
end)

Line:actor("reconnecting", function(self)
  if self.stopping then return "hang_up" end
  self:sleep(0.1)
  return "connected"
end)

Line:leave("online", "lost", function(self)
  self.losses = self.losses + 1
  self.log:warn("lost the line, loss %d", self.losses)
end)

Line:enter("closed", function(self)
  local way = {}
  for i, entry in ipairs(self.history) do way[i] = entry.event .. " -> " .. entry.state end
  self.log:info("the way here: %s", table.concat(way, ", "))
end)

return luvisor.supervisor {
  name = "custom_fsm",
  children = { luvisor.worker { name = "line", module = Line } },
}
