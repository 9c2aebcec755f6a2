-- Attempt: code of the user's that is run apart, with a limit of time and memory. It is a worker, so everybody else is
-- served meanwhile.

local breath = require "luvisor.core.breath"
local errand = require "luvisor.edge.errand"
local litter = require "luvisor.edge.litter"
local uv = require "luv"

local attempt = {}

local STRETCH = 0.002 -- seconds that the library's part of it runs on without giving way

local function too_late(self)
  if self.over then return end
  self.over = true
  self.cancel()
  self.done(nil, ("loading takes more than %g s"):format(self.limits.load_timeout), "EINVAL")
end

-- Seconds as the loop has them stand still while nobody comes back to it.
local function breathing(worker)
  local since = uv.hrtime()
  return function()
    if (uv.hrtime() - since) / 1e9 < STRETCH then return end
    worker:sleep(0)
    since = uv.hrtime()
  end
end

-- Why it failed; what holds up everybody else in C is cancelled by the watchdog before its time is over.
local function reason(self, result)
  local text = tostring(result)
  if text:find("not enough memory", 1, true) then return self.too_much end
  if not text:find "%f[%a]cancelled$" then return text end
  return "loading holds up everything else: " .. text
end

local function fail(self, result, code)
  local message = reason(self, result)
  if message == self.too_much then litter.clear(self.env, function() end) end
  self.done(nil, message, code or "EINVAL")
end

--- Runs fn(); later done(...) with its first three results, or done(nil, message, "EINVAL").
---@param owner table the unit that it is about
---@param name string what it is called in messages
---@param limits { load_timeout: number, load_memory: integer }
---@param fn fun(): any, any, any
---@param done fun(result: any, message: any, code: any)
function attempt.run(owner, name, limits, fn, done)
  local env = owner.env
  local self = {
    env = env, limits = limits, done = done,
    too_much = ("loading takes more than %d MB"):format(limits.load_memory // 2 ^ 20),
  }
  local function run(worker)
    local over <close> = breath.begin(breathing(worker)) -- luacheck: ignore
    return { fn() }
  end
  self.cancel = errand.start(owner, name, run, nil, function(ran, result)
    if self.over then return end
    self.over = true
    env.cancel(self.timer)
    if not ran then return fail(self, result) end
    if result[1] == nil and result[2] then return fail(self, result[2], result[3]) end
    done(table.unpack(result, 1, 3))
  end, limits.load_memory)
  self.timer = env.after(limits.load_timeout, too_late, self)
end

return attempt
