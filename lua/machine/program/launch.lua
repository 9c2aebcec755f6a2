-- Program launch: everything that a program is launched with; or, in place of a launch, the taking on of one that an
-- earlier host has left running.

local program_cgroup = require "luvisor.machine.program.cgroup"
local program_environment = require "luvisor.machine.program.environment"
local program_notify = require "luvisor.machine.program.notify"
local program_output = require "luvisor.machine.program.output"
local program_ready = require "luvisor.machine.program.ready"
local program_sockets = require "luvisor.machine.program.sockets"

local program_launch = {}

-- What the unit adds to the environment, with `variables` of the host's.
local function additions(self, variables)
  for name, value in pairs(self.spec.variables or self.spec.env or {}) do
    if variables[name] == nil then variables[name] = value end
  end
  return variables
end

local function make(self, run, variables, on_exit)
  local spec, process = self.spec, self.env.process
  local mark = ("%s/%d@%s"):format(self:path(), run.generation, self.env.lineage)
  local inherited = spec.clear_env and {} or process.environment()
  local who = spec.identity or {}
  local list = {
    command = spec.command, cwd = spec.cwd, no_new_privs = spec.no_new_privs,
    umask = spec.umask, nice = spec.nice, limits = spec.limits,
    oom_score = spec.oom_score_adj and tostring(spec.oom_score_adj),
    env = program_environment.build(inherited, additions(self, variables), mark),
    stdin = spec.stdin, stdout = program_output.stream(self, "stdout"), stderr = program_output.stream(self, "stderr"),
    previous = self.child_before, die_with_host = spec.die_with_host, marked = true, on_exit = on_exit,
  }
  list.argv0, list.uid, list.gid, list.groups = spec.argv0, who.uid, who.gid, who.groups -- which few have
  return list
end

-- The one of an earlier host is taken on once, by the first generation; nil when it is gone meanwhile.
local function adopt(self, run, on_exit)
  local adoptions = self.env.adoptions
  local left = adoptions and adoptions[self:path()]
  if not left then return nil end
  adoptions[self:path()] = nil
  local child = self.env.process.adopt(left.pid, left.mark, { on_exit = on_exit })
  run.adopted = child ~= nil
  return child
end

--- What those are launched with who are to run beside it, as it does. Made when it is asked for: few ever are.
---@param run table
---@return table options
function program_launch.beside(self, run)
  local options = make(self, run, {})
  options.previous, options.cgroups = nil, run.cgroup and run.cgroup.procs
  return options
end

--- Launches the generation `run`.
---@param self table the unit
---@param run table
---@param on_exit fun(code?: integer, signal?: integer, core: boolean)
---@return table|nil child
---@return string? message
---@return string? code
function program_launch.spawn(self, run, on_exit)
  local adopted = adopt(self, run, on_exit)
  if adopted then return adopted end
  local variables = {}
  local ok, message, code = program_notify.prepare(self, run, variables)
  if not ok then return nil, message, code end
  program_sockets.announce(self.spec, variables)
  local options = make(self, run, variables, on_exit)
  ok, message, code = program_sockets.prepare(self, options)
  if ok then ok, message, code = program_cgroup.prepare(self, run, options) end
  if ok then ok, message, code = program_ready.prepare(self, run, options) end
  if not ok then return nil, message, code end
  return self.env.process.spawn(options)
end

return program_launch
