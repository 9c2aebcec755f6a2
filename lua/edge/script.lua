-- Script: what a supervision script says besides the tree that it returns: its defaults and its subscriptions. They
-- are collected while it is being loaded; a running tree keeps its own.

local lazy = require "luvisor.core.lazy"
local commons = lazy "luvisor.machine.message.commons"
local defaults = lazy "luvisor.core.defaults"
local handle = lazy "luvisor.machine.handle"
local running = require "luvisor.edge.running"
local suggest = lazy "luvisor.core.suggest"

local script = {}

script.kinds = { "start", "ready", "transition", "heartbeat", "exit", "restart", "stop", "fatal", "give_up", "command" }

local loading -- what the script that is being loaded has said so far

--- Begins to collect what the script in that directory says.
function script.begin(directory)
  running.directory = directory
  loading = { defaults = nil, subscribers = {}, thread = coroutine.running() }
end

-- A reload gives way to the workers, who may have something to say of their own meanwhile.
local function is_loading()
  return loading and (not running.env or loading.thread == coroutine.running())
end

--- Ends collecting and returns what there is.
function script.finish()
  local said = loading
  loading = nil
  return said
end

--- Settings for the whole tree; raises on a mistake, naming the place.
function script.add_defaults(values, where)
  local checked, message = defaults.check(values)
  if not checked then error(("%s:%d: luvisor.defaults: %s"):format(where.file, where.line, message), 0) end
  if not is_loading() then error("luvisor.defaults: only while the script is being loaded", 3) end
  loading.defaults = loading.defaults or {}
  for key, value in pairs(checked) do loading.defaults[key] = value end
end

local function is_kind(kind)
  for _, name in ipairs(script.kinds) do
    if name == kind then return true end
  end
end

--- A function for events of a kind.
---@return boolean|nil ok
---@return string? message
function script.subscribe(kind, fn)
  if not is_kind(kind) then
    return nil, ('unknown event "%s"%s'):format(tostring(kind), suggest.hint(kind, script.kinds))
  end
  if type(fn) ~= "function" then return nil, ("expected a function, got %s"):format(type(fn)) end
  local said = is_loading() and loading or running.env
  if not said then return nil, "no tree runs, and none is being loaded" end
  local list = said.subscribers[kind] or {}
  said.subscribers[kind] = list
  list[#list + 1] = fn
  if said ~= loading then said.watch(kind) end
  return true
end

--- Names the tree that runs.
function script.set_tree(tree)
  running.env = tree and tree.env
end

--- The env of the running tree, or nil.
function script.env()
  return running.env
end

--- Handle of a unit of the running tree. In a guest a worker finds those of other runtimes, too: the host is asked.
function script.find(path)
  local env = running.env
  if not env then return nil, "no tree runs", "NOT_RUNNING" end
  local unit, message, code = env.tree:find(path)
  if unit then return handle.of(unit) end
  if code == "NOT_FOUND" and env.inquiry and env.task.current() then return commons.ask(env, "find", nil, path) end
  return nil, message, code
end

return script
