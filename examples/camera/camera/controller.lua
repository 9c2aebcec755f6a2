-- SPDX-License-Identifier: Apache-2.0
-- Follows what the algorithm sees, with a machine of its own: `following` while there are new frames, `holding` while
-- there are none. That the algorithm is being restarted is none of its business; that there is nothing new is.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"
local config = require "camera.config"

local fsm = luvisor.fsm

local Controller = worker.define {
  fsm = fsm {
    initial = "waiting",
    transitions = {
      waiting = { frame = "following", stop = "parked", error = "crashed" },
      following = { nothing_new = "holding", stop = "parked", error = "crashed" },
      holding = { frame = "following", stop = "parked", error = "crashed" },
      parked = fsm.OK,
      crashed = fsm.ERROR,
    },
    timeouts = { heartbeat = { waiting = 1, following = 1, holding = 1 } },
  },
}

local PATIENCE = 3 -- looks without a new frame

local function look(self)
  local frame = config.read "frame.json"
  local is_new = frame ~= nil and frame ~= self.last
  self.last = frame
  self.misses = is_new and 0 or (self.misses or 0) + 1
  return is_new
end

local function wait_for_frame(self)
  if self.stopping then return "stop" end
  return look(self) and "frame" or "keepalive"
end

Controller:actor("waiting", { every = 0.2 }, wait_for_frame)
Controller:actor("holding", { every = 0.2 }, wait_for_frame)

Controller:actor("following", { every = 0.2 }, function(self)
  if self.stopping then return "stop" end
  look(self)
  return self.misses >= PATIENCE and "nothing_new" or "keepalive"
end)

return Controller
