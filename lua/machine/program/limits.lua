-- Program limits: how much memory a program with all it started may hold, and how long it may run. One that goes over
-- either is ended, and its restart policy judges that as any other end.

local program_exit = require "luvisor.machine.program.exit"

local program_limits = {}

local SAMPLE = 5       -- seconds between two looks at the memory
local AGE_JITTER = 0.1 -- how much earlier at most, so that those started together do not end together

local sample

local function sample_later(self, run)
  run.sample_timer = self.env.deadline(SAMPLE, sample, self, run)
end

local function on_sampled(self, run, bytes)
  local limit = self.spec.max_memory
  if self.run ~= run or run.exit or not limit then return end
  if bytes > limit then return self:fail(run, program_exit.of_memory(bytes, limit)) end
  sample_later(self, run)
end

function sample(self, run)
  if self.run ~= run or run.exit then return end
  local asked = run.child:members(function(pids)
    if self.run ~= run or run.exit then return end
    self.env.memory(pids or {}, function(bytes) on_sampled(self, run, bytes) end)
  end)
  if not asked then sample_later(self, run) end
end

local function on_age(self, run)
  if self.run ~= run or run.exit then return end
  self:fail(run, program_exit.of_age(self.spec.max_age))
end

--- The program was launched, or has got other limits.
function program_limits.begin(self, run)
  local spec, env = self.spec, self.env
  run.began = run.began or env.now()
  if spec.max_memory then sample_later(self, run) end
  if spec.max_age then
    local age = spec.max_age * (1 - AGE_JITTER * env.random()) - (env.now() - run.began)
    run.age_timer = env.deadline(math.max(age, 0), on_age, self, run)
  end
end

--- It is on its way out.
function program_limits.cancel(self, run)
  self.env.cancel(run.sample_timer)
  self.env.cancel(run.age_timer)
end

return program_limits
