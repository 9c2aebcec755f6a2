-- Schedule: when a unit is due. It is asked now and again, with the time on the wall and that on the monotonic clock,
-- and says whether it is due and how long nothing will be.
--
-- `every` counts on the monotonic clock and never on the other. `cron` follows the clock on the wall, which jumps: what
-- was passed over by a jump ahead, or while the host could not look, is due once, at once; after a jump back by less
-- than three hours nothing is due twice, and after a longer one everything is reckoned anew.

local cron = require "luvisor.core.cron"

local schedule = {}

local LOOK = 30        -- seconds; a jump is found out that much later at most
local BACK = 3 * 3600  -- seconds
local EARLY = 1e-6     -- seconds; sums of times are not exact, and what is due by then is due

---@class luvisor.Due
---@field spec { every?: number, cron?: table, calendar?: string }

--- A schedule that begins now.
---@param spec table
---@param wall number
---@param now number
---@param calendar fun(t: integer): table
function schedule.new(spec, wall, now, calendar)
  local self = { spec = spec, calendar = calendar, seen = wall }
  if spec.every then self.due = now + spec.every else self.next = cron.next(spec.cron, wall, calendar) end
  return self
end

local function look_every(self, now)
  local every = self.spec.every
  local over = now + EARLY - self.due
  if over < 0 then return false, self.due - now end
  self.due = self.due + every * (over // every + 1)
  return true, self.due - now
end

local function look_cron(self, wall)
  if wall < self.seen - BACK then
    self.seen, self.next = wall, cron.next(self.spec.cron, wall, self.calendar)
  end
  self.seen = math.max(self.seen, wall)
  if not self.next then return false, LOOK end
  local is_due = wall >= self.next
  if is_due then self.next = cron.next(self.spec.cron, wall, self.calendar) end
  return is_due, self.next and math.min(math.max(self.next - wall, 0), LOOK) or LOOK
end

--- Whether it is due, and when to ask again.
---@param self table
---@param wall number seconds since the epoch
---@param now number seconds of the monotonic clock
---@return boolean due
---@return number wait seconds
function schedule.look(self, wall, now)
  if self.due then return look_every(self, now) end
  return look_cron(self, wall)
end

--- The time on the wall at which it is due next, as far as is known now.
---@return number|nil
function schedule.next_at(self, wall, now)
  if self.due then return wall + self.due - now end
  return self.next
end

return schedule
