-- Calendar: the clock on the wall, and what it shows here and at Greenwich. Only schedules and texts for people may ask
-- for it, for it jumps.

local system = require "host.system"

local calendar = { wall = system.wall }

--- What the clock shows here at a second since the epoch.
---@param second integer
---@return osdate
function calendar.here(second)
  return os.date("*t", second) --[[@as osdate]]
end

--- What it shows at Greenwich.
---@param second integer
---@return osdate
function calendar.utc(second)
  return os.date("!*t", second) --[[@as osdate]]
end

return calendar
