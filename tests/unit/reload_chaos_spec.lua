-- SPDX-License-Identifier: Apache-2.0
-- Reloads of random trees in the midst of trouble: crashes, starts and stops by hand, groups that start again.
-- Whatever happens, nothing runs twice or outside of the tree, each reload ends, and when all is quiet everything that
-- nobody has stopped runs as the last script says. Fixed seeds.

local branch = require "luvisor.machine.branch"
local change = require "luvisor.machine.change"
local chronicle = require "luvisor.machine.chronicle"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local reloads = require "reloads"
local worlds = require "world"

local NAMES = { "a", "b", "c", "d", "e" }
local STRATEGIES = { "one_for_one", "one_for_all", "rest_for_one" }
local random = math.random

local function pick(list) return list[random(#list)] end
local function chance(share) return random() < share end

-- ---- trees as data

local function random_worker()
  return { kind = 1, args = chance(0.5) and { random(3) } or nil, on_change = pick { "restart", "restart", "keep" },
    backoff = chance(0.3) and { min = 0.2, max = 1, jitter = 0 } or nil }
end

local random_tree

local function random_child(name, depth)
  local kind, child = random(depth > 0 and 3 or 2), { kind = 2, command = { "prog", tostring(random(3)) } }
  if kind == 1 then child = random_worker() end
  if kind == 3 then child = { kind = 3, tree = random_tree(depth - 1) } end
  child.name, child.shutdown = name, pick { 1, 2, "kill" }
  child.restart = kind < 3 and chance(0.15) and "temporary" or "permanent"
  return child
end

function random_tree(depth)
  local names = { table.unpack(NAMES) }
  local tree = { strategy = pick(STRATEGIES), restarts = pick { 2, 30, 30 }, children = {} }
  for i = 1, random(4) do
    local child = random_child(table.remove(names, random(#names)), depth)
    if i > 1 and chance(0.25) then child.after = { [pick(tree.children).name] = pick { "ready", "started" } } end
    tree.children[i] = child
  end
  return tree
end

-- Takes away what a child comes after that is not before it any more.
local function add(tree, have, child)
  if child.after and not have[next(child.after)] then child.after = nil end
  tree.children[#tree.children + 1], have[child.name] = child, true
end

local mutate

local function mutate_child(child, depth)
  local new = {}
  for key, value in pairs(child) do new[key] = value end
  if new.command and chance(0.5) then new.command = { "prog", tostring(random(3)) } end
  if new.kind == 1 and chance(0.5) then new.args = { random(3) } end
  if new.tree then new.tree = mutate(new.tree, depth - 1) end
  if chance(0.2) then new.shutdown = pick { 1, 2, "kill" } end
  return new
end

function mutate(tree, depth)
  local other, have = random_tree(depth), {}
  if chance(0.2) then return other end
  local new = { strategy = chance(0.2) and pick(STRATEGIES) or tree.strategy, restarts = tree.restarts, children = {} }
  for _, child in ipairs(tree.children) do
    if chance(0.8) then add(new, have, mutate_child(child, depth)) end
  end
  for _, child in ipairs(other.children) do
    if not have[child.name] and chance(0.4) then add(new, have, child) end
  end
  return new
end

local function build(world, tree, prefix)
  local keys = { strategy = tree.strategy, intensity = { restarts = tree.restarts, within = 1 } }
  for i, child in ipairs(tree.children) do
    local common = { shutdown = child.shutdown, restart = child.restart, after = child.after }
    if child.kind == 1 then
      common.args, common.backoff, common.on_change = child.args, child.backoff, child.on_change
      keys[i] = world:worker(prefix .. child.name, common)
      keys[i].name = child.name
    elseif child.kind == 2 then
      common.command, common.ready = child.command, { after = 0 }
      keys[i] = world:program(child.name, common)
    else
      local below = build(world, child.tree, prefix .. child.name .. "-")
      below.after = child.after
      keys[i] = world:supervisor(child.name, below)
    end
  end
  return keys
end

-- ---- what must hold all the time

local function units_of(world)
  local list = {}
  branch.walk(world.started.root, "", function(one)
    if one.parent.spec then list[#list + 1] = one end
  end)
  return list
end

local function path_of(child)
  for _, entry in ipairs(child.options.env) do
    local path = entry:match "^LUVISOR_UNIT=([^@]*)/%d+@"
    if path then return path end
  end
end

local function check(world)
  local running = {}
  for _, child in ipairs(world.process.spawned) do
    local path = not child.empty and path_of(child)
    if path then
      assert(not running[path], "runs twice: " .. path)
      running[path] = child
    end
  end
  for _, one in ipairs(units_of(world)) do
    local child = one.run and one.run.child
    if child and running[one:path()] == child then running[one:path()] = nil end
  end
  assert(not next(running), "runs outside of the tree: " .. tostring(next(running)))
  for _, message in ipairs(world:messages "error") do assert(not message:find("runs already", 1, true), message) end
  assert(not world:messages("fault")[1], world:messages("fault")[1])
  world:forget()
end

-- ---- trouble

local actions = {}

function actions.crash(world, one)
  local script = world.script_of[one.spec.definition or false]
  if script and one.phase == "running" and one.state.name == "running" then script:crash("boom", one) end
  local child = one.run and one.run.child
  if child and not child.ended then child:dies(1) end
end

function actions.spoil(world, one)
  local script = world.script_of[one.spec.definition or false]
  if script then script.on_start, script.ignores_stop = pick { "ok", "ok", "slow", "fail" }, chance(0.3) end
end

function actions.stop(_, one, touched)
  touched[one:path()] = true
  dynamic.terminate_child(one.parent, one, dynamic.ignore)
end

function actions.start(_, one, touched)
  local path = one:path()
  dynamic.restart_child(one.parent, one, function(started)
    if started then touched[path] = nil end
  end)
end

local ACTIONS = { "crash", "crash", "crash", "spoil", "stop", "start" }

-- Programs that were asked to do end, sooner or later.
local function end_programs(world, share)
  for _, child in ipairs(world.process.spawned) do
    if not child.ended and child.sent[1] and chance(share) then child:dies(0) end
  end
end

local function trouble(world, touched, times)
  for _ = 1, times do
    local units = units_of(world)
    if world.ended then return end
    if units[1] then actions[pick(ACTIONS)](world, pick(units), touched) end
    end_programs(world, 0.4)
    if chance(0.7) then world:step(pick { 0, 0.01, 0.1, 0.5, 1.2 }) end
    check(world)
  end
end

local function wait(world, seconds, is_over)
  for _ = 1, seconds do
    if world.ended or is_over() then return true end
    end_programs(world, 1)
    world:step(1)
  end
  return world.ended or is_over()
end

local function reload(world, tree, touched)
  local plan = reloads.plan(world, build(world, tree, ""))
  if not plan then return false end
  local outcome
  change.apply(world.started, plan, function(failures, message) outcome = failures or error(message) end)
  trouble(world, touched, random(0, 8))
  assert(wait(world, 150, function() return outcome end), "the reload does not end")
  return true
end

-- ---- what must hold when all is quiet

local UP = { running = true, fatal = true, waiting = true }

-- A start that fails in a reload is reported, and not tried again; a supervisor may have nothing left to do.
local function may_rest(one)
  local entries = chronicle.read(one)
  local last = entries[#entries]
  if one.spec.kind == "supervisor" and one.phase == "done" then return one.last_exit.kind == "normal" end
  return UP[one.phase] or last ~= nil and last.kind == "ended" and last[2] == "stop"
end

local function compare_one(one, child, path, touched)
  assert(touched[path] or child.restart == "temporary" or may_rest(one), path .. " is " .. one.phase)
  if one.phase ~= "running" then return end
  local command = child.kind == 2 and one.run.child.options.command
  if command then assert(command[2] == child.command[2], path .. " runs an old command") end
  local args = child.kind == 1 and not one.next_spec and one.instance.args -- with that it was to be kept as it ran
  if args then assert(args[1] == (child.args or {})[1], path .. " has old arguments") end
end

local function compare(supervisor, tree, path, touched)
  local wanted = {}
  if supervisor.phase ~= "running" then return end
  for _, child in ipairs(tree.children) do
    local one, where = supervisor.children:find(child.name), path .. "/" .. child.name
    wanted[child.name] = true
    -- one that was temporary is gone when it was stopped
    assert(one or touched[where] or child.restart == "temporary" or child.on_change == "keep", where .. " is missing")
    if one then compare_one(one, child, where, touched) end
    if one and child.kind == 3 then compare(one, child.tree, where, touched) end
  end
  for _, one in ipairs(supervisor.children:all()) do assert(wanted[one.name], one:path() .. " is left") end
end

local function play(world)
  local tree, touched = random_tree(2), {}
  reloads.tree(world, build(world, tree, ""))
  for _ = 1, 4 do
    trouble(world, touched, random(0, 6))
    if world.ended then return end
    local other = mutate(tree, 2)
    if reload(world, other, touched) then tree = other end
  end
  for _, script in pairs(world.script_of) do script.on_start, script.ignores_stop = "ok", false end
  wait(world, 200, function() return false end)
  if world.ended then return end
  check(world)
  compare(world.started.root, tree, "root", touched)
  world.started:stop()
  assert(wait(world, 100, function() return false end), "it does not end")
end

describe("reloads in the midst of trouble", function()
  local first, last = tonumber(os.getenv "LUVISOR_TEST_SEED" or 1), tonumber(os.getenv "LUVISOR_TEST_ROUNDS" or 200)

  it("come to what the script says", function()
    for seed = first, last do
      math.randomseed(seed)
      local world = worlds.new()
      local ok, fault = xpcall(play, debug.traceback, world)
      pcall(world.close, world)
      if not ok then error(("seed %d: %s"):format(seed, fault), 0) end
    end
  end)
end)
