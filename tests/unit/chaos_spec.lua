-- SPDX-License-Identifier: Apache-2.0
-- Random scripts on random trees, with what must hold whatever happens: no unit runs twice, nothing runs that is not in
-- the tree, who was stopped stays so, who was not comes back, and a stop ends everything in bounded time. Fixed seeds.

local branch = require "luvisor.machine.branch"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local task = require "host.task"
local unit = require "luvisor.machine.unit"
local worlds = require "world"

local MOST = 30 -- restarts within a second: more than scripts can cause, unless a start fails again and again

local function pick(list)
  return list[math.random(#list)]
end

local function chance(share)
  return math.random() < share
end

--- A random tree; `names` gets the workers', with the supervisor of each.
local function grow(world, depth, prefix, names)
  local keys = { strategy = pick { "one_for_one", "one_for_all", "rest_for_one" },
    intensity = { restarts = MOST, within = 1 } }
  for i = 1, math.random(1, 4) do
    local name = prefix .. i
    if depth > 0 and chance(0.4) then
      keys[i] = world:supervisor(name, grow(world, depth - 1, name .. "_", names))
      names.supervisors[#names.supervisors + 1] = name
    else
      keys[i] = world:worker(name, { restart = "permanent", shutdown = pick { 1, 2, "kill" },
        backoff = chance(0.5) and { min = pick { 0.2, 1 }, max = 2, jitter = 0 } or nil })
      names[#names + 1] = name
    end
  end
  return keys
end

--- Every task belongs to a living worker of the tree, and the other way round.
local function check_tasks(world, script)
  local alive = 0
  world:step(0)
  branch.walk(world.started.root, "", function(one)
    if one.spec.kind == "worker" and one.instance then alive = alive + 1 end
  end)
  assert.equal(alive, task.count(), table.concat(script, ", "))
  for _, message in ipairs(world:messages "error") do
    assert.is_nil(message:find("runs already", 1, true), message .. ": " .. table.concat(script, ", "))
  end
  world:forget()
end

local function is_up(one)
  return one.phase == "running" and one.state and one.state.name == "running"
end

local actions = {}

function actions.crash(world, name, one)
  if is_up(one) then world.scripts[name]:crash() end
end

function actions.hang(world, name, one)
  if is_up(one) then world.scripts[name]:hang() end
end

function actions.deafen(world, name)
  world.scripts[name].ignores_stop = chance(0.5)
  world.scripts[name].hangs_stopping = chance(0.3)
end

function actions.spoil(world, name)
  world.scripts[name].on_start = pick { "ok", "ok", "slow", "fail" }
end

function actions.terminate(_, _, one)
  dynamic.terminate_child(one.parent, one, function() end)
  one.wanted_down = true
end

function actions.start(_, _, one)
  dynamic.restart_child(one.parent, one, function(started, _, code)
    if started then one.wanted_down = nil end
    if code == "START_FAILED" then one.wanted_down = not one.spec.backoff end -- with backoff it is tried again
  end)
end

local ACTIONS = { "crash", "crash", "hang", "deafen", "spoil", "terminate", "start" }

--- Something is done to a unit; now and then to a supervisor, and to the same unit as before.
local function act_once(world, names, script)
  local what = pick(ACTIONS)
  local is_command = what == "terminate" or what == "start"
  local above = names.supervisors
  local name = is_command and above[1] and chance(0.2) and pick(above) or chance(0.3) and names.last or pick(names)
  if world.scripts[name] then names.last = name end
  local one = world.started:find(name)
  script[#script + 1] = what .. " " .. name
  if one then actions[what](world, name, one) end
end

local function act(world, names, script)
  for _ = 1, pick { 1, 1, 2, 4 } do act_once(world, names, script) end
  if chance(0.6) then
    local seconds = pick { 0, 0.1, 0.7, 1.5, 3 }
    script[#script + 1] = "step " .. seconds
    world:step(seconds)
  end
end

--- Whether the unit may be in its phase for good. A group that is started takes those who were stopped along.
local function is_at_rest(one)
  if one.parent.spec and one.parent.phase ~= "running" then return not unit.is_alive(one) end
  if one.phase == "running" then return not one.wanted_down or one.parent.spec.strategy ~= "one_for_one" end
  return one.phase == "stopped" and one.wanted_down and not unit.is_alive(one)
end

--- With all obstacles out of the way everything comes to rest as it was wanted.
local function check_rest(world, script)
  for _, one in pairs(world.scripts) do
    one.on_start, one.ignores_stop, one.hangs_stopping = "ok", false, false
  end
  world:step(120)
  if world.ended then return end
  branch.walk(world.started.root, "", function(one)
    assert.truthy(is_at_rest(one), ("%s %s: %s"):format(one:path(), one.phase, table.concat(script, ", ")))
  end)
end

local function play(seed)
  math.randomseed(seed)
  local world, names, script = worlds.new(), { supervisors = {} }, { "seed " .. seed }
  world:tree(grow(world, 2, "u", names))
  local ok, fault = pcall(function()
    for _ = 1, 60 do
      if #names == 0 or world.ended then break end
      act(world, names, script)
      check_tasks(world, script)
    end
    if not world.ended and seed % 2 == 0 then check_rest(world, script) end
    check_tasks(world, script)
    if world.ended then return assert.equal("error", world.ended.kind, table.concat(script, ", ")) end
    world:stop(200)
    assert.is_not_nil(world.ended, table.concat(script, ", "))
  end)
  world:close()
  if not ok then error(fault, 0) end
end

describe("a tree under random scripts", function()
  for block = 0, 9 do
    it(("keeps its promises, seeds %d to %d"):format(block * 40 + 1, block * 40 + 40), function()
      for seed = block * 40 + 1, block * 40 + 40 do play(seed) end
    end)
  end
end)
