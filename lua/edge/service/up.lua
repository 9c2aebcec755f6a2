-- Up: when a tree that was started is up: everybody who is to run was ready, or has ended well. One that is given up,
-- or keeps failing, does not hold that up for ever: then the tree is up when nobody is being started any more, and
-- those in trouble are named. A critical unit that fails is waited for: it may be the end of the tree yet; so is a
-- supervisor that gives up.

local branch = require "luvisor.machine.branch"
local machine = require "luvisor.machine.unit"
local runtime = require "host.runtime"

local up = {}

local LOOK_AGAIN = 0.1 -- seconds; only while there is trouble before the tree is up

local UNSETTLED = { starting = true, restarting = true, stopping = true }
local IN_TROUBLE = { backoff = true, fatal = true }

-- From when a supervisor gives up, or is complete, until that is known above it.
local function is_ending(unit)
  return machine.is_alive(unit) and (unit.phase == "stopping" or unit.failure ~= nil or unit.ending ~= nil)
end

--- Whether nothing is being started or ended below a unit, and it itself is not.
---@param unit table
---@return boolean
function up.is_settled(unit)
  if IN_TROUBLE[unit.phase] and unit.spec.critical then return false end
  if unit.children then
    for _, child in ipairs(unit.children:all()) do
      if not up.is_settled(child) then return false end
    end
    return not is_ending(unit)
  end
  if unit.phase == "idle" then return unit.spec.autostart == false end
  return not UNSETTLED[unit.phase]
end

local function add_troubles(unit, list)
  if IN_TROUBLE[unit.phase] then list[#list + 1] = ("%s (%s)"):format(unit:path(), tostring(unit.last_exit)) end
  for _, child in ipairs(branch.children(unit)) do add_troubles(child, list) end
  return list
end

local function subscribe(world, kind, fn)
  world.subscribers[kind] = world.subscribers[kind] or {}
  table.insert(world.subscribers[kind], fn)
  world.watch(kind)
end

--- Calls fn(troubles) once, when the tree is up; `troubles` names those who are not, and why.
---@param world table env
---@param tree table
---@param fn fun(troubles: string[])
function up.watch(world, tree, fn)
  local told, looking = false, false

  local function tell()
    if told then return end
    told = true
    fn(add_troubles(tree.root, {}))
  end

  local function look()
    if told or tree.over then return end
    if up.is_settled(tree.root) then return tell() end
    runtime.after(LOOK_AGAIN, look)
  end

  local function on_trouble()
    if looking then return end
    looking = true
    runtime.after(LOOK_AGAIN, look)
  end

  tree.on_ready = function()
    if not is_ending(tree.root) then tell() end -- it may have given up before it could be said that it is ready
  end
  subscribe(world, "restart", on_trouble)
  subscribe(world, "fatal", on_trouble)
end

return up
