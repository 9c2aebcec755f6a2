-- SPDX-License-Identifier: Apache-2.0
-- Reloads in a world with a clock of its own: trees that are compared with later ones, and changed into them.
--
--   reloads.tree(world, { "a", "b" })            starts a tree whose units can be compared later
--   reloads.apply(world, { "b", "c" })           makes it that one; returns the plan, and what becomes of it

local change = require "luvisor.machine.change"
local digest = require "luvisor.core.digest"
local generation = require "luvisor.edge.load.generation"
local imprint = require "luvisor.edge.load.imprint"
local loader = require "luvisor.edge.loader"
local parcel = require "luvisor.core.plan.parcel"
local plans = require "luvisor.core.plan"
local spec = require "luvisor.core.spec"

local reloads = {}

local function note(world, one)
  world.names = world.names or imprint.names(generation.current())
  local function known(value)
    return value == world and "world" or world.names(value)
  end
  if one.definition then digest.note(one.definition, known) end
  if not one.restart_name then digest.note(one.restart, known) end
  for _, child in ipairs(one.children or {}) do note(world, child) end
  if one.template then note(world, one.template) end
end

--- The resolved and prepared root of a tree.
function reloads.load(world, keys)
  local root = spec.is(keys) and keys or world:supervisor(keys.name or "root", keys)
  local resolved, settings = assert(spec.resolve(root, keys.defaults, {}))
  assert(loader.prepare(resolved, settings))
  note(world, resolved)
  return resolved
end

--- Starts a tree.
function reloads.tree(world, keys)
  local tree = world:load(keys)
  note(world, tree.root.spec)
  tree:start()
  world:step(0)
  return tree
end

-- A unit that kept its definition is still played by the script that it was started with.
local function keep_scripts(world)
  for name in pairs(world.scripts) do
    local unit = world.started:find(name)
    local script = unit and world.script_of[unit.spec.definition]
    if script then world.scripts[name] = script end
  end
end

--- Compares the running tree with another one.
function reloads.plan(world, keys)
  return plans.compare(world.started.root.spec, reloads.load(world, keys))
end

--- Changes the running tree into another one; `seconds` may pass before it is done. With world.by_parcel
--- the plan is taken apart and put together first, as for a guest.
function reloads.apply(world, keys, seconds)
  local plan, message = reloads.plan(world, keys)
  assert(plan, message)
  if world.by_parcel then plan.tree = parcel.unpack(parcel.pack(plan.tree), plan.tree.old, plan.tree.new) end
  local outcome = {}
  change.apply(world.started, plan, function(list) outcome.failures = list end)
  world:step(seconds or 0)
  keep_scripts(world)
  return plan, outcome
end

return reloads
