-- luvisor.program { ... }: the spec of an operating system process.

local check = require "luvisor.core.check"
local exit = require "luvisor.core.exit"
local keys = require "luvisor.core.spec.keys"
local later = require "luvisor.core.spec.later"
local output = require "luvisor.core.spec.output"
local restart = require "luvisor.core.restart"
local unit = require "luvisor.core.spec.unit"
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

local octal = check.integer(0, 511)

local function umask(value)
  if type(value) == "string" then value = value:find("^[0-7]+$") and tonumber(value, 8) or value end
  local ok, result = octal(value)
  if ok then return true, result end
  return check.expected('a mask such as "027"', value)
end

local function signal(value)
  local number, message = exit.signal_number(value)
  if not number then return false, message end
  return true, (exit.signal_name(number):gsub("^SIG", ""))
end

local SCHEMA = unit.extend("program", {
  command = later.functions(command),
  cwd = later.functions(check.text),
  env = later.functions(environment),
  clear_env = check.boolean,
  shell = check.boolean,
  stdin = check.one_of { "null", "inherit" },
  stdout = output.check { "inherit", "null" },
  stderr = output.check { "inherit", "null", "stdout" },
  ready = check.record(later.add({ after = check.delay }, "program.ready")),
  stop = check.record(later.add({ signal = signal, timeout = check.shutdown }, "program.stop")),
  success = check.list("exit codes", check.integer(0, 255)),
  die_with_host = check.boolean,
  umask = umask,
  nice = check.integer(-20, 19),
})

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
  out.stop = stop.signal and { signal = stop.signal } or STOP
  return true
end

local function settle_restart(def, out)
  local given = def.restart
  if given == nil then given = "permanent" end
  -- By name a program also gives up after three retries of a start that failed.
  if type(given) == "string" then out.restart = restart.program[given] end
end

---@param def table
---@param where? luvisor.Where
---@return luvisor.Spec|nil spec
---@return string? message
---@return string? code
function program.new(def, where)
  local out = empty(where)
  local ok, message, code = keys.read(SCHEMA, def, out)
  if not ok then return nil, message, code end
  if not out.command then return keys.problem(out, "command", "missing") end
  ok, message, code = split_command(out)
  if ok then ok, message, code = settle_stop(out) end
  if not ok then return nil, message, code end
  out.ready = out.ready.after and out.ready or READY
  settle_restart(def, out)
  return unit.finish(def, out)
end

return program
