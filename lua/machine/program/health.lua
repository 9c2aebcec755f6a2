-- Program health: checks a program that is ready, again and again, one check at a time.
--
-- The first check is `grace` seconds after it was ready, each other one `every` seconds after the one before was
-- over. After `retries` failures in a row the program is UNHEALTHY and is ended, which its restart policy judges as any
-- other end: same backoff, same counter. Who is never restarted is not ended either: it stays UNHEALTHY until `success`
-- checks in a row have passed.

local health = require "luvisor.core.health"
local probe = require "luvisor.machine.probe"
local program_exit = require "luvisor.machine.program.exit"

local program_health = {}

local check

local function check_later(self, run, seconds)
  run.check_timer = self.env.deadline(seconds, check, self, run)
end

local function become_unhealthy(self, run)
  local why = program_exit.of_health(run.health, self.spec.health.retries)
  self:change(run, "UNHEALTHY", run.health.last)
  if self.spec.restart_name ~= "temporary" then return self:fail(run, why) end
  self.env.log("error", self, "UNHEALTHY: %s", tostring(why))
end

local function on_checked(self, run, ok, message)
  if self.run ~= run or not run.health then return end
  local spec = self.spec.health
  if not ok then self.env.log("warn", self, "health: %s", message) end
  if ok and not run.health.proven then self:proven() end
  local verdict = health.judge(run.health, spec, ok, message)
  if verdict == "healthy" then self:change(run, "RUNNING", "healthy") end
  if verdict == "unhealthy" then become_unhealthy(self, run) end
  if run.health then check_later(self, run, spec.every) end
end

function check(self, run)
  if self.run ~= run or not run.health then return end
  run.check = probe.begin(self, run, self.spec.health, function(ok, message) on_checked(self, run, ok, message) end)
end

--- The program is ready.
function program_health.begin(self, run)
  local spec = self.spec.health
  if not spec then return end
  run.health = health.new()
  check_later(self, run, spec.grace)
end

--- Checks no longer.
function program_health.cancel(self, run)
  run.health = nil
  self.env.cancel(run.check_timer)
  probe.cancel(run.check)
end

return program_health
