-- luvisor.program { ... }: the spec of an operating system process.

local cgroup = require "luvisor.core.spec.cgroup"
local check = require "luvisor.core.check"
local signals = require "luvisor.core.signals"
local hooks = require "luvisor.core.spec.hooks"
local identity = require "luvisor.core.spec.identity"
local instances = require "luvisor.core.spec.instances"
local keys = require "luvisor.core.spec.keys"
local limits = require "luvisor.core.spec.limits"
local output = require "luvisor.core.spec.output"
local probe = require "luvisor.core.spec.probe"
local restart = require "luvisor.core.restart"
local schedule = require "luvisor.core.spec.schedule"
local sockets = require "luvisor.core.spec.sockets"
local unit = require "luvisor.core.spec.unit"
local watch = require "luvisor.core.spec.watch"
local words = require "luvisor.core.words"

local program = {}

local READY, STOP, SUCCESS = { after = 1 }, { signal = "TERM" }, { 0 }

local function argument(value)
  if type(value) == "number" then return true, tostring(value) end
  if type(value) == "string" and not value:find("\0", 1, true) then return true, value end
  return check.expected("a string without NUL", value)
end

local arguments = check.list("strings", argument)

-- A string stays one until it is known whether a shell was asked for.
local function command(value)
  if type(value) == "string" then return check.text(value) end
  local ok, result, below = arguments(value)
  if not ok then return false, result, below end
  if not result[1] or result[1] == "" then return false, "names no program" end
  return true, result
end

local function environment(value)
  if type(value) ~= "table" then return check.expected('{ NAME = "value" }', value) end
  local result = {}
  for name, text in pairs(value) do
    if type(name) ~= "string" or name == "" or name:find("[=%z]") then
      return false, 'expected NAME = "value"', ("[%s]"):format(tostring(name))
    end
    local ok, normal = argument(text)
    if not ok then return false, normal, "." .. name end
    result[name] = normal
  end
  return true, result
end

local source = check.record { file = check.text }
local named_source = check.one_of { "null", "inherit" }

local function input(value)
  if type(value) ~= "table" then return named_source(value) end
  local ok, result, below = source(value)
  if ok and not result.file then return false, "expected { file = path }" end
  return ok, result, below
end

local function signal(value)
  local number, message = signals.number(value)
  if not number then return false, message end
  return true, (signals.name(number):gsub("^SIG", ""))
end

local RELOAD_TIMEOUT = 10 -- seconds

local reload_keys = check.record { signal = signal, command = probe.keys.exec, timeout = check.seconds }

local function reload(value)
  local ok, result, below = reload_keys(value)
  if not ok then return false, result, below end
  if (result.signal == nil) == (result.command == nil) then return false, "expected one of signal and command" end
  if result.signal and result.timeout then return false, "is for a command", ".timeout" end
  result.timeout = result.timeout or RELOAD_TIMEOUT
  return true, result
end

local SCHEMA = unit.extend({
  command = check.indexed(command),
  argv0 = check.indexed(check.text),
  cwd = check.indexed(check.text),
  env = check.indexed(environment),
  env_file = check.indexed(identity.env_file),
  clear_env = check.boolean,
  shell = check.boolean,
  user = check.indexed(identity.user),
  group = check.indexed(identity.group),
  groups = check.indexed(identity.groups),
  limits = check.indexed(limits),
  cgroup = check.indexed(cgroup),
  sockets = check.indexed(sockets.check),
  stdin = check.indexed(input),
  stdout = output.check { "inherit", "null" },
  stderr = output.check { "inherit", "null", "stdout" },
  ready = watch.ready,
  health = watch.health,
  watchdog = check.seconds,
  max_memory = check.size,
  max_age = check.seconds,
  stop = check.record { signal = signal, timeout = check.shutdown, command = probe.keys.exec },
  reload = reload,
  schedule = schedule.check,
  before = hooks.before,
  after = hooks.after(unit.schema.after),
  success = check.list("exit codes", check.integer(0, 255)),
  die_with_host = check.boolean,
  orphans = check.one_of { "kill", "adopt", "warn" },
  umask = check.octal 'a mask such as "027"',
  nice = check.integer(-20, 19),
  oom_score_adj = check.integer(-1000, 1000),
  no_new_privs = check.boolean,
})

program.schema = SCHEMA

-- The name of an instance was put together from one that was checked.
local INSTANCE = {}
for key, one in pairs(SCHEMA) do INSTANCE[key] = one end
function INSTANCE.name(value) return true, value end

local function empty(where)
  return {
    kind = "program", name = false, where = where, restart_name = "permanent", restart_given = false,
    executor = "coroutine", autostart = true, significant = false, critical = false, command = false,
    shell = false, clear_env = false, stdin = "null", stdout = "inherit", stderr = "inherit", ready = READY,
    stop = STOP, success = SUCCESS,
  }
end

local function split_command(out)
  local text = out.command
  if out.shell then
    if type(text) == "table" then return keys.problem(out, "shell", "needs the command as one string") end
    out.command = { "/bin/sh", "-c", text }
    return true
  end
  if type(text) == "table" then return true end
  local list, message = words.split(text)
  if not list then return keys.problem(out, "command", message) end
  local operator = words.operator(text)
  if operator then
    return keys.problem(out, "command",
      ('%s means something to a shell only: say shell = true, or quote it'):format(operator))
  end
  if not list[1] or list[1] == "" then return keys.problem(out, "command", "names no program") end
  out.command = list
  return true
end

local function settle_stop(out)
  local stop = out.stop
  if stop.timeout and out.shutdown then
    return keys.problem(out, "shutdown", "stop.timeout says the same, give one of them")
  end
  out.shutdown = stop.timeout or out.shutdown
  local is_plain = not stop.command and (stop.signal or STOP.signal) == STOP.signal
  out.stop = is_plain and STOP or { signal = stop.signal or STOP.signal, command = stop.command }
  return true
end

local function is_piped(stream)
  return type(stream) == "table" or type(stream) == "function"
end

local function settle_ready(out)
  if out.ready.line and not is_piped(out.stdout) and not is_piped(out.stderr) then
    return keys.problem(out, "ready.line", "needs stdout or stderr = { prefix = true }: nobody else reads the lines")
  end
  if out.ready.fd and sockets.has_fd(out.sockets, out.ready.fd) then
    return keys.problem(out, "ready.fd", ("%d is the descriptor of a socket"):format(out.ready.fd))
  end
  return true
end

local function settle_restart(def, out)
  local given = def.restart
  if given == nil then given = "permanent" end
  -- By name a program also gives up after three retries of a start that failed.
  if type(given) == "string" then out.restart = restart.program[given] end
end

local function make(schema, def, where)
  local out = empty(where)
  local ok, message, code = keys.read(schema, def, out)
  if not ok then return nil, message, code end
  if not out.command then return keys.problem(out, "command", "missing") end
  if out.executor ~= "coroutine" then return keys.problem(out, "executor", "a program is a process of its own") end
  ok, message, code = split_command(out)
  if ok then ok, message, code = settle_stop(out) end
  if ok then ok, message, code = settle_ready(out) end
  settle_restart(def, out)
  if ok then ok, message, code = schedule.settle(def, out) end
  if not ok then return nil, message, code end
  hooks.settle(out)
  return unit.finish(def, out)
end

local function make_instance(def, where)
  return make(INSTANCE, def, where)
end

---@param def table
---@param where? luvisor.Where
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function program.new(def, where)
  if type(def) == "table" and def.count ~= nil then return instances.new(def, where, make_instance) end
  return make(SCHEMA, def, where)
end

return program
