-- luvisor.worker: defines workers. A module that describes a worker returns what worker.define() gave it.

local lazy = require "luvisor.core.lazy"
local fsm = lazy "luvisor.core.fsm"
local handlers = lazy "luvisor.core.handlers"
local suggest = lazy "luvisor.core.suggest"
local instance = require "luvisor.machine.instance"

local worker = {}

---@class luvisor.Definition
---@field fsm? luvisor.Machine
local Definition = { __name = "luvisor.worker" }
Definition.__index = Definition

local KEYS = { "fsm", "version" }

local function check_name(value, what)
  if type(value) ~= "string" or value == "" then
    local hint = type(value) == "function" and "; with a colon: definition:" .. what or ""
    error(("%s: expected a name, got %s%s"):format(what, type(value), hint), 3)
  end
end

local function check_function(value, what)
  if type(value) ~= "function" then error(("%s: expected a function, got %s"):format(what, type(value)), 3) end
end

--- A new worker definition; without `fsm` it has the default machine.
--- `version` is for `upgrade`, which is told the one of the code that ran before.
---@param given? { fsm?: luvisor.Machine, version?: any }
---@return luvisor.Definition
function worker.define(given)
  given = given or {}
  if type(given) ~= "table" then error("define: expected a table, got " .. type(given), 2) end
  for key in pairs(given) do
    if key ~= "fsm" and key ~= "version" then
      error(('define: unknown key "%s"%s'):format(tostring(key), suggest.hint(key, KEYS)), 2)
    end
  end
  if given.fsm ~= nil and not fsm.is(given.fsm) then error("define: fsm: expected what luvisor.fsm made", 2) end
  return setmetatable({
    fsm = given.fsm, version = given.version, actors = {}, meta = instance.meta,
  }, Definition)
end

--- Whether the value is a definition.
function worker.is(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(meta) == "table" and meta.__name == Definition.__name
end

--- The actor of a state: called again and again while the worker is in it, returns an event or "keepalive".
---@param state string
---@param options? { every?: number } seconds between two calls
---@param fn fun(self: table): string
function Definition:actor(state, options, fn)
  if fn == nil then options, fn = nil, options end
  check_name(state, "actor")
  check_function(fn, ('actor "%s"'):format(state))
  local every = options and options.every
  for key in pairs(options or {}) do
    if key ~= "every" then
      error(('actor "%s": unknown key "%s", did you mean "every"?'):format(state, tostring(key)), 2)
    end
  end
  if every ~= nil and not (type(every) == "number" and every > 0 and every < math.huge) then
    error(('actor "%s": every: expected seconds above 0, got %s'):format(state, tostring(every)), 2)
  end
  if self.actors[state] then error(('actor "%s": there is one already'):format(state), 2) end
  self.actors[state] = { fn = fn, every = every }
end

local function add_hook(self, kind, state, event, fn)
  if fn == nil then event, fn = nil, event end
  check_name(state, kind)
  check_function(fn, ('%s "%s"'):format(kind, state))
  self.hooks = self.hooks or { enter = {}, leave = {} }
  local list = self.hooks[kind][state] or {}
  list[#list + 1] = { event = event, fn = fn }
  self.hooks[kind][state] = list
end

--- A hook run while the worker enters a state, by one event or by any: fn(self, exit, event).
function Definition:enter(state, event, fn)
  add_hook(self, "enter", state, event, fn)
end

--- A hook run while the worker leaves a state, by one event or by any: fn(self, exit, event).
function Definition:leave(state, event, fn)
  add_hook(self, "leave", state, event, fn)
end

--- How the data of a worker that ran with older code becomes the data of this one: fn(self, old_version, data) is given
--- a copy, and returns what self.data is to be. If it fails, the old code goes on with the old data.
---@param fn fun(self: table, old_version: any, data: any): any
function Definition:upgrade(fn)
  check_function(fn, "upgrade")
  if self.migrate then error("upgrade: there is one already", 2) end
  self.migrate = fn
end

local function add_handler(self, kind, name, options, fn)
  if fn == nil then options, fn = nil, options end
  local list = kind .. "s"
  self[list] = self[list] or {}
  local ok, message = handlers.add(self[list], name, options, fn)
  if not ok then error(('%s "%s": %s'):format(kind, tostring(name), message), 3) end
end

--- What answers a call, in any state or in those of { state = ... }: fn(self, ...) returns the answer.
---@param name string
---@param options? { state?: string|string[] }
---@param fn fun(self: table, ...): any
function Definition:call(name, options, fn)
  add_handler(self, "call", name, options, fn)
end

--- What serves a cast, in any state or in those of { state = ... }: fn(self, ...) may return an event.
---@param name string
---@param options? { state?: string|string[] }
---@param fn fun(self: table, ...): string|nil
function Definition:cast(name, options, fn)
  add_handler(self, "cast", name, options, fn)
end

--- What serves messages, in place of self:receive: fn(self, ...) may return an event.
---@param fn fun(self: table, ...): string|nil
function Definition:info(fn)
  check_function(fn, "info")
  if self.on_info then error("info: there is one already", 2) end
  self.on_info = fn
end

--- Checks a definition against its machine: every name known, every state with several events has an actor.
---@param machine luvisor.Machine
---@return boolean|nil ok
---@return string? message
---@return string? code
function worker.check(definition, machine)
  return require("luvisor.core.fitness").check(definition, machine)
end

--- There is no more to be defined for now: has the methods of definitions loaded again when one is called.
function worker.lighten()
  for name, method in pairs(Definition) do
    if type(method) == "function" then
      Definition[name] = function(...) return require("luvisor.worker").methods[name](...) end
    end
  end
end

worker.methods = Definition

return worker
