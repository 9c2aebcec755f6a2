-- SPDX-License-Identifier: Apache-2.0
-- What a spectator can do to a worker: `inbox/NAME.boom` makes the worker NAME raise an error, `inbox/NAME.stall` makes
-- it hang until its heartbeat is missed. The workers call this between any two steps of a hand-over, where it hurts.

local uv = require "luv"
local config = require "etl.config"

return function(self)
  if uv.fs_unlink(("%s/%s.boom"):format(config.inbox, self.name)) then error("boom") end
  if uv.fs_unlink(("%s/%s.stall"):format(config.inbox, self.name)) then
    self.log:warn("stalls now")
    self:sleep(3600)
  end
end
