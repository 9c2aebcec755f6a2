-- SPDX-License-Identifier: Apache-2.0
-- A world with a clock of its own: trees run on the real scheduler and the real machines, but time passes only in
-- world:step(seconds), programs are fake (see fake_process.lua), and everything that is said is collected.
--
--   local world = worlds.new()                                  one at a time; close() it after the test
--   world:tree { strategy = "one_for_all", "a", world:worker("b", { restart = "transient" }) }
--   world:crash "a"; world:step(1); assert.same({ "start a" }, world:heard("start"))
-- A child given by its name alone is a scripted worker, see scripted.lua; world.scripts has them by name.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local envs = require "luvisor.edge.env"
local fake_process = require "fake_process"
local loader = require "luvisor.edge.loader"
local luvisor = require "luvisor"
local runtime = require "host.runtime"
local script = require "luvisor.edge.script"
local scripted = require "scripted"
local spec = require "luvisor.core.spec"
local task = require "host.task"
local trees = require "luvisor.machine.tree"
local workers = require "luvisor.worker"

local TICK = 1000000 -- ns; timers go off at whole ones
local HALF_NANOSECOND = 5e-10 -- so that seconds as a fraction never become a nanosecond too few

local worlds = {}

local World = {}
World.__index = World

-- ---- what is said

local function collect_logs(self, quiet)
  local enabled = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do enabled[level] = not quiet end
  return function(level, unit, format, ...)
    local message = select("#", ...) > 0 and format:format(...) or format
    local name = type(unit) == "string" and unit or unit:path()
    self.logged[#self.logged + 1] = { level = level, unit = name, message = message }
  end, enabled
end

local function collect_events(self)
  for _, kind in ipairs(script.kinds) do
    if kind ~= "heartbeat" then
      self.env.subscribers[kind] = { function(event) self.events[#self.events + 1] = event end }
      self.env.watch(kind)
    end
  end
end

local function last_part(path)
  return path:match("[^/]*$")
end

--- The events of these kinds so far, each as "kind name"; all kinds but transitions if none is named.
function World:heard(...)
  local wanted, list = {}, {}
  for _, kind in ipairs { ... } do wanted[kind] = true end
  for _, event in ipairs(self.events) do
    if wanted[event.kind] or not next(wanted) and event.kind ~= "transition" then
      list[#list + 1] = event.kind .. " " .. last_part(event.unit)
    end
  end
  return list
end

--- The events of a kind, of one unit if it is named.
function World:events_of(kind, name)
  local list = {}
  for _, event in ipairs(self.events) do
    if event.kind == kind and (not name or last_part(event.unit) == name) then list[#list + 1] = event end
  end
  return list
end

--- The transitions of a unit, each as "from -> to (event)".
function World:walk(name)
  local list = {}
  for i, event in ipairs(self:events_of("transition", name)) do
    list[i] = ("%s -> %s (%s)"):format(event.from, event.to, event.event)
  end
  return list
end

--- Forgets what was said so far.
function World:forget()
  for i in ipairs(self.events) do self.events[i] = nil end
  for i in ipairs(self.logged) do self.logged[i] = nil end
end

--- The messages of a level (of all, without one), each as "unit: message".
function World:messages(level)
  local list = {}
  for _, line in ipairs(self.logged) do
    if not level or line.level == level then list[#list + 1] = last_part(line.unit) .. ": " .. line.message end
  end
  return list
end

-- ---- units

--- The spec of a scripted worker; its script is world.scripts[name].
function World:worker(name, keys, options)
  local one = scripted.new(self, name, options)
  self.scripts[name], self.script_of[one.definition] = one, one
  local definition = { name = name, module = one.definition }
  for key, value in pairs(keys or {}) do definition[key] = value end
  return luvisor.worker(definition)
end

--- The spec of a fake program.
function World.program(_, name, keys)
  local definition = { name = name, command = { name } }
  for key, value in pairs(keys or {}) do definition[key] = value end
  return luvisor.program(definition)
end

--- The spec of a supervisor; its children are the positions of the table, or its `children`.
function World:supervisor(name, keys)
  local definition, children = { name = name }, {}
  for key, value in pairs(keys) do
    if math.type(key) ~= "integer" and key ~= "defaults" then definition[key] = value end
  end
  for i, child in ipairs(keys) do children[i] = type(child) == "string" and self:worker(child) or child end
  if #children > 0 then definition.children = children end
  return luvisor.supervisor(definition)
end

-- ---- a tree

--- Loads a tree without starting it; `defaults` are as of luvisor.defaults.
function World:load(keys)
  local root = spec.is(keys) and keys or self:supervisor(keys.name or "root", keys)
  local resolved, settings = assert(spec.resolve(root, keys.defaults, {}))
  assert(loader.prepare(resolved, settings))
  local tree = trees.new(self.env, resolved, function(why)
    assert(not self.ended, "the tree ended twice")
    self.ended = why
  end)
  self.env.adopt = function(one, parent) return loader.adopt(one, parent.spec, settings) end
  script.set_tree(tree)
  self.started, self.settings = tree, settings
  return tree
end

--- Starts a tree and lets everything happen that needs no time.
function World:tree(keys)
  local tree = self:load(keys)
  tree:start()
  self:step(0)
  return tree
end

--- Starts a tree of a worker "w", which `build` defines, and another one.
---@param build fun(definition: table)
---@param keys? table of the worker
---@param machine? luvisor.Machine
function World:single(build, keys, machine)
  local definition = workers.define { fsm = machine }
  build(definition)
  local spec_keys = { name = "w", module = definition }
  for key, value in pairs(keys or {}) do spec_keys[key] = value end
  return self:tree { luvisor.worker(spec_keys), self:worker "other" }
end

--- Lets so many seconds pass.
function World.step(_, seconds)
  runtime.step((seconds or 0) + HALF_NANOSECOND)
end

--- A unit by its path or last part.
function World:unit(path)
  return assert(self.started:find(path))
end

--- What phase a unit is in: "running", "done", "backoff", ...; nil if there is none of that name.
function World:phase(path)
  local unit = self.started:find(path)
  return unit and unit.phase
end

--- The generation of each of these units.
function World:generations(...)
  local list = {}
  for i, path in ipairs { ... } do list[i] = self:unit(path).generation end
  return table.unpack(list)
end

function World:crash(name, message)
  self.scripts[name]:crash(message)
  self:step(0)
end

function World:finish(name)
  self.scripts[name]:finish()
  self:step(0)
end

--- Calls a function of the dynamic interface, and returns what it replied within `seconds`; "no reply" if nothing.
function World:call(name, supervisor, what, seconds)
  local reply
  dynamic[name](self:unit(supervisor), what, function(...)
    assert(not reply, "replied twice")
    reply = table.pack(...)
  end)
  self:step(seconds or 0)
  if not reply then return "no reply" end
  return table.unpack(reply, 1, reply.n)
end

--- The spec of a unit, as one that joins a running supervisor.
function World:adopt(one, supervisor)
  return assert(self.env.adopt(one, self:unit(supervisor)))
end

--- Stops the tree and lets time pass until it has ended.
function World:stop(seconds)
  self.started:stop()
  self:step(seconds or 0)
  return self.ended
end

--- Ends what still runs, and makes sure that nothing of it is left.
function World:close()
  if self.started and not self.ended and self.started.root.generation > 0 then
    self.started:kill()
    for _, child in ipairs(self.process.spawned) do
      if not child.ended then child:dies(nil, 9) elseif not child.empty then child:empties() end
    end
    self:step(60)
    assert(self.ended, "the tree did not end")
  end
  script.set_tree(nil)
  assert(task.count() == 0, "tasks are left")
end

-- Time begins at a tick, so that what is due in a second is due after step(1), and not a fraction later.
local function stop_the_clock()
  runtime.manual()
  runtime.step((TICK - runtime.exact() % TICK) / 1e9 + HALF_NANOSECOND)
end

--- A new world; the one before it must have been closed.
---@param options? { quiet?: boolean } quiet: nothing is logged or watched, as with --log-level error
function worlds.new(options)
  local self = setmetatable({ logged = {}, events = {}, scripts = {}, script_of = {} }, World)
  stop_the_clock()
  local write, enabled = collect_logs(self, options and options.quiet)
  self.env = envs.new { write = write, enabled = enabled }
  self.process = fake_process.new()
  self.env.process, self.env.lineage = self.process, self.process.instance
  self.env.random = function() return 0.5 end
  runtime.set_reporter(function(text)
    self.logged[#self.logged + 1] = { level = "fault", unit = "luvisor", message = text }
  end)
  if not (options and options.quiet) then collect_events(self) end
  return self
end

return worlds
