-- Program change: gives a program that runs another spec. What its start has seen stays as it is; what is looked at
-- later, or again and again, is armed anew.

local program_health = require "luvisor.machine.program.health"
local program_limits = require "luvisor.machine.program.limits"
local program_output = require "luvisor.machine.program.output"

local program_change = {}

local SERVING = { RUNNING = true, UNHEALTHY = true }

local function has(differences, ...)
  for _, key in ipairs { ... } do
    for _, one in ipairs(differences) do
      if one.key == key then return true end
    end
  end
  return false
end

local function check_anew(self, run)
  program_health.cancel(self, run)
  self:change(run, "RUNNING", "other health checks")
  program_health.begin(self, run)
end

--- The unit has this spec from now on.
---@param self table
---@param spec luvisor.Spec
---@param differences luvisor.Difference[]
function program_change.apply(self, spec, differences)
  self.spec = spec
  local run = self.run
  if not run or not run.child or run.exit or run.asked or run.failure then return end
  if has(differences, "health") and SERVING[run.state] then check_anew(self, run) end
  for _, name in ipairs { "stdout", "stderr" } do
    if has(differences, name) then program_output.limit(self, name) end
  end
  if has(differences, "max_memory", "max_age") then
    program_limits.cancel(self, run)
    program_limits.begin(self, run)
  end
end

return program_change
