-- Program launch: what a program is launched with, put together from its spec, its place in the tree and the host.

local program_environment = require "luvisor.machine.program_environment"
local program_notify = require "luvisor.machine.program_notify"
local program_output = require "luvisor.machine.program_output"
local program_ready = require "luvisor.machine.program_ready"
local program_sockets = require "luvisor.machine.program_sockets"

local program_launch = {}

-- What the unit adds to the environment, with `variables` of the host's.
local function additions(self, variables)
  for name, value in pairs(self.spec.variables or self.spec.env or {}) do
    if variables[name] == nil then variables[name] = value end
  end
  return variables
end

local function options(self, run, variables, on_exit)
  local spec, process = self.spec, self.env.process
  local mark = ("%s/%d@%s"):format(self:path(), run.generation, process.instance)
  local inherited = spec.clear_env and {} or process.environment()
  local who = spec.identity or {}
  return {
    command = spec.command, argv0 = spec.argv0, cwd = spec.cwd,
    uid = who.uid, gid = who.gid, groups = who.groups, no_new_privs = spec.no_new_privs,
    umask = spec.umask, nice = spec.nice, limits = spec.limits,
    oom_score = spec.oom_score_adj and tostring(spec.oom_score_adj),
    env = program_environment.build(inherited, additions(self, variables), mark),
    stdin = spec.stdin, stdout = program_output.stream(self, "stdout"), stderr = program_output.stream(self, "stderr"),
    previous = self.child_before, die_with_host = spec.die_with_host,
    on_exit = on_exit,
  }
end

--- Launches the generation `run`, with run.options.
---@param self table the unit
---@param run table
---@param on_exit fun(code?: integer, signal?: integer, core: boolean)
---@return table|nil child
---@return string? message
---@return string? code
function program_launch.spawn(self, run, on_exit)
  local variables = {}
  local ok, message, code = program_notify.prepare(self, run, variables)
  if not ok then return nil, message, code end
  program_sockets.announce(self.spec, variables)
  run.options = options(self, run, variables, on_exit)
  ok, message, code = program_sockets.prepare(self, run.options)
  if ok then ok, message, code = program_ready.prepare(self, run, run.options) end
  if not ok then return nil, message, code end
  return self.env.process.spawn(run.options)
end

return program_launch
