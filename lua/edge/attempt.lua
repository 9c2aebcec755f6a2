-- Attempt: code of the user's that is run apart, with a limit of time and memory. It is a worker, so everybody else is
-- served meanwhile.

local errand = require "luvisor.edge.errand"

local attempt = {}

local LOOK = 0.02 -- seconds between two looks at what it takes

local function memory()
  return collectgarbage "count" * 1024
end

local function excess(self)
  if self.env.now() >= self.due then return ("loading takes more than %g s"):format(self.limits.load_timeout) end
  if memory() <= self.most then return nil end
  collectgarbage()
  if memory() <= self.most then return nil end
  return ("loading takes more than %d MB"):format(self.limits.load_memory // 2 ^ 20)
end

local function look_at(self)
  if self.over then return end
  local message = excess(self)
  if not message then
    self.timer = self.env.after(LOOK, look_at, self)
    return
  end
  self.over = true
  self.cancel()
  collectgarbage()
  self.done(nil, message, "EINVAL")
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
    due = env.now() + limits.load_timeout, most = memory() + limits.load_memory,
  }
  self.cancel = errand.start(owner, name, function() return { fn() } end, nil, function(ran, result)
    if self.over then return end
    self.over = true
    env.cancel(self.timer)
    if not ran then return done(nil, tostring(result), "EINVAL") end
    done(table.unpack(result, 1, 3))
  end)
  look_at(self)
end

return attempt
