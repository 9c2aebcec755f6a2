-- SPDX-License-Identifier: Apache-2.0
-- Looks at frames: here an object that goes round in a circle. After so many frames it hangs, as code does that waits
-- for a device without a timeout. It does not notice that itself, and need not.

local worker = require "luvisor.worker"
local config = require "camera.config"

local Algorithm = worker.define()

Algorithm:actor("starting", function(self)
  self.frames = 0
  return "run"
end)

Algorithm:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  self.frames = self.frames + 1
  if self.frames > config.stall then self:sleep(3600) end
  local angle = self.frames * math.pi / 10
  config.replace("frame.json", ('{"generation":%d,"frame":%d,"x":%.2f,"y":%.2f}\n'):format(
    self.generation, self.frames, math.cos(angle), math.sin(angle)))
  return "keepalive"
end)

Algorithm:leave("running", "error", function(self, exit)
  self.log:warn("ends at frame %d: %s", self.frames, tostring(exit))
end)

return Algorithm
