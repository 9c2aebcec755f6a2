-- Program cgroup: the control group of a program that is to have one. It is entered before the program's first
-- instruction, so nobody can get away from it: when nobody of the program is left by session and mark, whoever is still
-- in the group is killed, and the program is gone when that is empty.

local program_cgroup = {}

local LOOK_AGAIN = 0.05 -- seconds

--- Adds the groups to the launch options.
---@return boolean|nil ok
---@return string? message
---@return string? code
function program_cgroup.prepare(self, run, options)
  if not self.spec.cgroup then return true end
  local group, message, code = self.env.cgroups.open(self:path(), self.spec.cgroup, run.generation)
  if not group then return nil, "cgroup: " .. message, code end
  run.cgroup, options.cgroups = group, group.procs
  return true
end

--- Kills who is left in the group, then calls done().
---@param done function
function program_cgroup.finish(self, run, done)
  local group, told = run.cgroup, false
  if not group then return done() end
  local function look()
    local pids = group.members()
    if not pids then return self.env.after(LOOK_AGAIN, look) end -- nobody knows
    if #pids == 0 then
      group.close()
      return done()
    end
    if not told then self.env.log("warn", self, "killing who is left in its cgroup: %s", table.concat(pids, ", ")) end
    told = true
    group.kill(pids)
    self.env.after(LOOK_AGAIN, look)
  end
  look()
end

return program_cgroup
