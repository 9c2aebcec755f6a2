-- Readiness: what becomes of the units that a change has started, and of those below them. They are looked at one after
-- the other; whoever is ready, has ended well, or was stopped by hand meanwhile, is not mentioned.

local branch = require "luvisor.machine.branch"
local command = require "luvisor.machine.command"
local exit = require "luvisor.core.exit"

local readiness = {}

local BURST = 100 -- units before others have their turn
local LOOK = 0.05 -- seconds between two looks at a supervisor that is starting

local function is_well(one)
  if one.phase == "running" or one.phase == "idle" then return true end
  if one.spec.schedule and one.phase ~= "starting" then return true end -- its time has not come
  local is_down = one.phase == "done" or one.phase == "stopped"
  return is_down and (not one.last_exit or exit.is_normal(one.last_exit))
end

-- A second time only those who were not well.
local function put_below(self, one, path)
  for _, child in ipairs(branch.children(one)) do
    if not self.seen[path] or not is_well(child) then self.paths[#self.paths + 1] = child:path() end
  end
  self.seen[path] = true
end

local function has_failed_below(self, path)
  for _, failure in ipairs(self.failures) do
    if failure.path:sub(1, #path + 1) == path .. "/" then return true end
  end
  return false
end

local function finish(self)
  self.env.cancel(self.timer)
  self.done(self.failures)
end

local advance

local function note(self, outcome)
  self.pending = nil
  local one = self.tree:find(outcome.path)
  if outcome.ok and one then put_below(self, one, outcome.path) end
  if one and not outcome.ok and not is_well(one) and not self.failed[outcome.path] then
    self.failed[outcome.path] = true
    self.failures[#self.failures + 1] = {
      path = outcome.path, message = outcome.message, code = outcome.code, last_words = outcome.last_words,
    }
  end
  self.env.post(advance, self)
end

local function observe(self, one)
  self.pending = command.observe(self.tree, one, function(outcome) note(self, outcome) end)
  if self.over then command.give_up(self.pending) end
end

-- A supervisor is not ready for the sake of those below it: they are looked at first, and it only if all is well there.
local function look_at_supervisor(self, one, path)
  if has_failed_below(self, path) then return self.env.post(advance, self) end
  if one.phase ~= "starting" or self.over then return observe(self, one) end
  put_below(self, one, path)
  self.paths[#self.paths + 1] = path
  self.env.after(LOOK, advance, self)
end

function advance(self)
  for _ = 1, BURST do
    self.at = self.at + 1
    local path = self.paths[self.at]
    if not path then return finish(self) end
    local one = self.tree:find(path)
    if one and is_well(one) then
      put_below(self, one, path)
    elseif one then
      return (one.spec.kind == "supervisor" and look_at_supervisor or observe)(self, one, path)
    end
  end
  self.env.after(0, advance, self)
end

local function time_over(self)
  self.over = true
  if self.pending then command.give_up(self.pending) end
end

--- Waits until it is known of all of them; done(failures) is called later, after so many seconds at the latest.
---@param tree table
---@param paths string[]
---@param seconds number
---@param done fun(failures: { path: string, message: string, code: string, last_words?: string[] }[])
function readiness.wait(tree, paths, seconds, done)
  local self = { tree = tree, env = tree.env, paths = table.move(paths, 1, #paths, 1, {}), at = 0, failures = {},
    failed = {}, seen = {}, done = done }
  self.timer = self.env.after(seconds, time_over, self)
  self.env.post(advance, self)
end

return readiness
