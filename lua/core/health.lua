-- Health: what the results of a program's checks amount to. A verdict needs `retries` failures in a row, and once it is
-- there, `success` passes in a row to be taken back; whether a generation ever passed is remembered, since one that
-- never did has not really started.

local health = {}

---@class luvisor.Health
---@field failures integer in a row
---@field passes integer in a row
---@field unhealthy boolean
---@field proven boolean whether a check has passed
---@field last? string what the last failure said

--- Of a generation that begins.
---@return luvisor.Health
function health.new()
  return { failures = 0, passes = 0, unhealthy = false, proven = false, last = nil }
end

local function pass(self, limits)
  self.failures = 0
  self.passes = self.passes + 1
  self.proven = true
  if not self.unhealthy or self.passes < limits.success then return nil end
  self.unhealthy = false
  return "healthy"
end

local function fail(self, limits, message)
  self.passes = 0
  self.failures = self.failures + 1
  self.last = message
  if self.unhealthy or self.failures < limits.retries then return nil end
  self.unhealthy = true
  return "unhealthy"
end

--- Counts a result, and returns the verdict if that has changed.
---@param self luvisor.Health
---@param limits { retries: integer, success: integer }
---@param ok boolean
---@param message? string
---@return "healthy"|"unhealthy"|nil
function health.judge(self, limits, ok, message)
  if ok then return pass(self, limits) end
  return fail(self, limits, message)
end

--- Seconds until a probe of readiness is tried again: 0.1 at first, up to 1.
---@param attempts integer made so far
---@return number
function health.retry_delay(attempts)
  return math.min(1, 0.1 * 1.5 ^ math.max(0, attempts - 1))
end

return health
