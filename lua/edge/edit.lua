-- Edit: live edits: units that are added, removed, scaled or set while the tree runs, without its script. They go
-- through the same line as reloads, and through the same plan; the next reload brings back what the script says.

local claims = require "luvisor.edge.load.claims"
local digest = require "luvisor.core.digest"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local edits = require "luvisor.core.edit"
local fragments = require "luvisor.edge.load.fragment"
local imprint = require "luvisor.edge.load.imprint"
local loader = require "luvisor.edge.loader"
local lookup = require "luvisor.machine.lookup"
local plain = require "luvisor.core.spec.plain"
local plans = require "luvisor.core.plan"
local reload = require "luvisor.edge.reload"
local remote_change = require "luvisor.machine.remote.change"

local edit = {}

local function refuse(reply, code, message, ...)
  reply(nil, message:format(...), code)
end

local function adopter(loaded)
  return function(child, parent)
    local adopted, message, code = loader.adopt(child, parent, loaded.settings)
    if adopted then imprint.note(loaded.generation, adopted) end
    return adopted, message, code
  end
end

-- What was added, and has a runtime of its own, is told to that as plain values.
local function check_added(spec)
  if spec.adopted then return plain.of(spec) end
  for _, child in ipairs(spec.children or {}) do
    local ok, message, code = check_added(child)
    if not ok then return nil, message, code end
  end
  return true
end

local function checked(root, message, code)
  if root then root, message, code = edits.check(root) end
  if not root then return nil, message, code end
  local ok
  ok, message, code = claims.check(root)
  if ok then ok, message, code = check_added(root) end
  return ok and root, message, code
end

local function accept_all() return true end

-- ---- add and scale

--- Adds what a file returns to the children of a supervisor.
---@param given { text: string, path: string, under: table, cause: string }
---@param reply function
function edit.add(given, reply)
  local under = given.under:path()
  reload.edit({
    what = "add", cause = given.cause, check = accept_all,
    build = function(root, loaded)
      local list, message, code = fragments.load(given.path, given.text, loaded.generation)
      if not list then return nil, message, code end
      local source = { path = given.path, text = given.text }
      return checked(edits.add(root, under, list, adopter(loaded), source))
    end,
  }, reply)
end

--- Has a counted program run so many instances.
---@param given { path: string, name: string, count: integer, cause: string } path: of its supervisor
---@param reply function
function edit.scale(given, reply)
  reload.edit({
    what = "scale", cause = given.cause, check = accept_all,
    build = function(root, loaded)
      return checked(edits.scale(root, given.path, given.name, given.count, adopter(loaded)))
    end,
  }, reply)
end

-- ---- set

local function only_in_place(key)
  return function(plan)
    for _, step in ipairs(plan.steps) do
      if step.action ~= "change" then
        return nil, ('%s: key "%s" cannot be changed in place: %s'):format(step.path, key, plans.line(step)),
          "UNSUPPORTED"
      end
    end
    return true
  end
end

-- What it is made of is noted, so that the script may come to say the same.
local function policy_of(given, loaded)
  local policy, message, code = fragments.policy(given.value, loaded.generation)
  if not policy then return nil, ('key "%s": %s'):format(given.key, message), code end
  digest.note(policy, imprint.names(loaded.generation))
  return policy
end

--- Gives a key of units another value, where that needs no restart: all of them, or none.
---@param given { units: table[], key: string, value: any, text: boolean, cause: string } text: it is one of Lua
---@param reply function
function edit.set(given, reply)
  local key = given.key
  reload.edit({
    what = "set", cause = given.cause, check = only_in_place(key),
    build = function(root, loaded)
      local function prepare(spec)
        if spec.kind ~= "worker" then return true end
        return loader.prepare(spec, loaded.settings, loaded.generation)
      end
      local value, message, code = given.value, nil, nil
      if given.text then value, message, code = policy_of(given, loaded) end
      if value == nil then return nil, message, code end
      for _, unit in ipairs(given.units) do
        if key:find "^heartbeat" and remote_change.is_foreign(unit) then
          return nil, unit:path() .. ": its executor runs no guest, which could take another heartbeat", "UNSUPPORTED"
        end
        root, message, code = edits.set(root, unit:path(), key, value, prepare, given.text and given.value)
        if not root then return nil, message, code end
      end
      return checked(root)
    end,
  }, reply)
end

-- ---- remove

-- Those that somebody has added at run time are in nobody's plan.
local function remove_added(units, at, cause, done)
  local unit = units[at]
  if not unit then return done() end
  dynamic.terminate_child(unit.parent, unit, function()
    if unit.parent.children:find(unit.name) == unit then
      dynamic.delete_child(unit.parent, unit, function() end)
    end
    remove_added(units, at + 1, cause, done)
  end, cause)
end

local function sort_out(units)
  local declared, added, order = {}, {}, {}
  for _, unit in ipairs(units) do
    if lookup.declared(unit) then
      local path = unit.parent:path()
      if not declared[path] then order[#order + 1], declared[path] = path, {} end
      declared[path][unit.name] = true
    else
      added[#added + 1] = unit
    end
  end
  return declared, order, added
end

--- Stops units, and forgets them.
---@param given { units: table[], cause: string }
---@param reply function
function edit.remove(given, reply)
  for _, unit in ipairs(given.units) do
    if not unit.parent.spec then return refuse(reply, "ROOT", "%s is the root", unit:path()) end
  end
  local declared, order, added = sort_out(given.units)
  reload.edit({
    what = "remove", cause = given.cause, check = accept_all,
    build = function(root)
      local message, code
      for _, path in ipairs(order) do
        root, message, code = edits.remove(root, path, declared[path])
        if not root then return nil, message, code end
      end
      return checked(root)
    end,
  }, function(result, message, code)
    if not result then return reply(nil, message, code) end
    remove_added(added, 1, given.cause, function() reply(result) end)
  end)
end

return edit
