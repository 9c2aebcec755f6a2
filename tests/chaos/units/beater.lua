-- SPDX-License-Identifier: Apache-2.0
-- A worker that beats, and fails now and then while nobody has called for calm.

local uv = require "luv"
local worker = require "luvisor.worker"

local Beater = worker.define()

Beater:actor("starting", function(self)
  self.turns = 0
  return "run"
end)

Beater:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.turns = self.turns + 1
  if self.turns % 20 == 0 and not uv.fs_stat(self.args.dir .. "/calm") then error "worn out" end
  return "keepalive"
end)

return Beater
