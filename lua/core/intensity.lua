-- How many restarts happened lately: a half-open sliding window. A restart at time t counts while now - t < within.
-- The times lie in a ring that grows only when the window really holds more of them, and never beyond restarts + 1.

local intensity = {}

---@class luvisor.Intensity
---@field restarts integer
---@field within number
local Intensity = {}
Intensity.__index = Intensity
Intensity.__name = "luvisor.intensity"

--- A window that allows `restarts` hits within `within` seconds.
---@param limits { restarts: integer, within: number }
---@return luvisor.Intensity
function intensity.new(limits)
  return setmetatable({
    restarts = limits.restarts, within = limits.within, times = {}, size = 0, head = 1, held = 0,
  }, Intensity)
end

-- Twice the room, with the oldest time first again. Slots are filled so that the array part is what grows.
local function grow(self)
  local size = math.min(math.max(4, self.size * 2), self.restarts + 1)
  local times, old = {}, self.times
  for k = 1, self.held do times[k] = old[(self.head + k - 2) % self.size + 1] end
  for k = self.held + 1, size do times[k] = 0 end
  self.times, self.size, self.head = times, size, 1
end

local function expire(self, now)
  local times, size, within, head, held = self.times, self.size, self.within, self.head, self.held
  while held > 0 and now - times[head] >= within do
    head = head < size and head + 1 or 1
    held = held - 1
  end
  self.head, self.held = head, held
end

-- Only what is old makes room while there is any of it; so the ring is never much larger than the window needs.
local function make_room(self, now)
  expire(self, now)
  if self.held < self.size then return end
  if self.size <= self.restarts then return grow(self) end
  self.head = self.head < self.size and self.head + 1 or 1
  self.held = self.held - 1
end

--- Counts a restart now; true while restarting is still allowed, false once there were too many.
---@param now number seconds of a monotonic clock
---@return boolean allowed
function Intensity:hit(now)
  local held, size = self.held, self.size
  if held == size then
    make_room(self, now)
    held, size = self.held, self.size
  end
  self.times[(self.head + held - 1) % size + 1] = now
  held = held + 1
  self.held = held
  if held <= self.restarts then return true end
  expire(self, now)
  return self.held <= self.restarts
end

--- How many restarts the window holds now; never more than restarts + 1.
---@param now number
---@return integer
function Intensity:count(now)
  expire(self, now)
  return self.held
end

--- Other limits for the same restarts; those that were counted stay counted.
---@param limits { restarts: integer, within: number }
function Intensity:change(limits)
  local kept, first = {}, math.max(1, self.held - limits.restarts)
  for k = first, self.held do kept[#kept + 1] = self.times[(self.head + k - 2) % self.size + 1] end
  self.restarts, self.within = limits.restarts, limits.within
  self.times, self.size, self.head, self.held = kept, #kept, 1, #kept
end

--- Forgets everything, and gives the room back.
function Intensity:clear()
  self.times, self.size, self.head, self.held = {}, 0, 1, 0
end

return intensity
