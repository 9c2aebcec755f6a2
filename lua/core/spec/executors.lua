-- Executors: where a worker or supervisor runs, and the keys that only make sense there. Besides the three of the
-- host's own there are those that a script brings: by a name of luvisor.executor, or as a table.

local lazy = require "luvisor.core.lazy"
local check = require "luvisor.core.check"
local keys = require "luvisor.core.spec.keys"
local suggest = lazy "luvisor.core.suggest"

local executors = {}

local OWN = { coroutine = true, thread = true, process = true }
local FUNCTIONS = { "start", "stop", "kill", "alive" }

local named = {} -- those of scripts

local function check_table(value)
  for key, fn in pairs(value) do
    local known = false
    for _, name in ipairs(FUNCTIONS) do known = known or name == key end
    if not known then return false, "unknown key" .. suggest.hint(tostring(key), FUNCTIONS), "." .. tostring(key) end
    if type(fn) ~= "function" then return false, "expected a function, got " .. type(fn), "." .. key end
  end
  if not value.start then return false, "missing", ".start" end
  if not value.kill then return false, "missing", ".kill" end
  return true, value
end

--- Names an executor of the script's own; nil and a message when it is none.
---@param name string
---@param implementation table
---@return boolean|nil ok
---@return string? message
function executors.add(name, implementation)
  if not check.name(name) then return nil, "expected a name" end
  if OWN[name] then return nil, ('"%s" is the host\'s own'):format(name) end
  if type(implementation) ~= "table" then return nil, "expected a table, got " .. type(implementation) end
  local ok, message, below = check_table(implementation)
  if not ok then return nil, ("%s: %s"):format(below:sub(2), message) end
  named[name] = implementation
  return true
end

--- Forgets those of scripts: another one is about to be loaded.
function executors.clear()
  named = {}
end

--- A check of the key `executor`; an implementation stands for itself.
function executors.check(value)
  if OWN[value] then return true, value end
  if type(value) == "table" then return check_table(value) end
  if named[value] then return true, named[value] end
  if type(value) ~= "string" then return check.expected("the name of an executor or a table", value) end
  local names = { "coroutine", "thread", "process" }
  for name in pairs(named) do names[#names + 1] = name end
  return false, ('unknown executor "%s"%s'):format(value, suggest.hint(value, names))
end

-- Few say any of this: a module that checks it is loaded when one does.
local function identity(key)
  return function(value) return require("luvisor.core.spec.identity")[key](value) end
end

local function module(name)
  return function(value) return require("luvisor.core.spec." .. name)(value) end
end

local OF_PROCESS = {
  user = identity "user", group = identity "group", groups = identity "groups", limits = module "limits",
  nice = check.integer(-20, 19), umask = check.octal('a mask such as "027"'), cgroup = module "cgroup",
}

--- Adds the keys of those that run in a process of their own.
---@param schema table<string, function>
---@return table<string, function> schema
function executors.extend(schema)
  for key, one in pairs(OF_PROCESS) do schema[key] = one end
  return schema
end

--- What has to hold between the executor and the other keys.
---@param out luvisor.Spec
---@return boolean|nil ok
---@return string? message
---@return string? code
function executors.settle(out)
  local executor = out.executor
  if out.memory and executor ~= "thread" and executor ~= "process" then
    return keys.problem(out, "memory", 'needs executor = "thread" or "process"')
  end
  if executor == "process" then return true end
  for _, key in ipairs(check.keys(OF_PROCESS)) do
    if out[key] ~= nil then return keys.problem(out, key, 'needs executor = "process"') end
  end
  return true
end

return executors
