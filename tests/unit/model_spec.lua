-- SPDX-License-Identifier: Apache-2.0
-- Random scripts of crash, end, hang, stop, start and time against a model of one supervisor, with fixed seeds.
--
-- The model knows only what the semantics promise: which children live, how often each was started, and when the
-- supervisor gives up. A worker that hangs misses its heartbeat two seconds later.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local worlds = require "world"

local HEARTBEAT = 2

local Model = {}
Model.__index = Model

local function new_model(strategy, limits, types)
  local self = setmetatable({ strategy = strategy, limits = limits, children = {}, hits = {}, now = 0 }, Model)
  for i, restart in ipairs(types) do
    self.children[i] = { name = "u" .. i, restart = restart, starts = 1, state = "running" }
  end
  return self
end

function Model:index_of(name)
  for i, child in ipairs(self.children) do
    if child.name == name then return i end
  end
end

function Model:child(name)
  return self.children[self:index_of(name)]
end

function Model.begin(_, child)
  child.state, child.starts, child.late_at = "running", child.starts + 1, nil
end

-- temporary bystanders go for good; everything else in the span begins anew, whether it was alive or not
function Model:restart_span(index)
  local first, last = index, index
  if self.strategy ~= "one_for_one" then last = #self.children end
  if self.strategy == "one_for_all" then first = 1 end
  for i = last, first, -1 do
    local child = self.children[i]
    if i ~= index and child.restart == "temporary" then
      table.remove(self.children, i)
    else
      self:begin(child)
    end
  end
end

function Model:allows_restart()
  local kept = {}
  for _, at in ipairs(self.hits) do
    if self.now - at < self.limits.within - 1e-9 then kept[#kept + 1] = at end
  end
  kept[#kept + 1] = self.now
  self.hits = kept
  return #kept <= self.limits.restarts
end

function Model:check_complete()
  for _, child in ipairs(self.children) do
    if child.state ~= "done" then return end
  end
  self.ended = "normal"
end

function Model:exits(name, well)
  local index = self:index_of(name)
  local child = self.children[index]
  local restart = child.restart
  if restart == "permanent" or (restart == "transient" and not well) then
    if not self:allows_restart() then
      self.ended = "error"
      return
    end
    return self:restart_span(index)
  end
  child.state, child.late_at = "done", nil
  if restart == "temporary" then table.remove(self.children, index) end
  self:check_complete()
end

function Model:hang(name)
  self:child(name).late_at = self.now + HEARTBEAT
end

--- Takes no time, though the child may hang: the scripts give it shutdown = "kill".
function Model:terminate(name)
  local index = self:index_of(name)
  local child = self.children[index]
  child.state, child.late_at = "stopped", nil
  if child.restart == "temporary" then table.remove(self.children, index) end
end

function Model:start_again(name)
  self:begin(self:child(name))
end

local function next_late(self, till)
  local first
  for _, child in ipairs(self.children) do
    if child.late_at and child.late_at <= till + 1e-9 and (not first or child.late_at < first.late_at) then
      first = child
    end
  end
  return first
end

function Model:step(seconds)
  local till = self.now + seconds
  while not self.ended do
    local child = next_late(self, till)
    if not child then break end
    self.now = math.max(self.now, child.late_at)
    self:exits(child.name, false)
  end
  self.now = till
end

-- ---- scripts

local TYPES = { "permanent", "transient", "temporary" }
local STRATEGIES = { "one_for_one", "one_for_all", "rest_for_one" }

local function pick(list)
  return list[math.random(#list)]
end

local actions = {}

function actions.crash(world, model, name)
  world:crash(name)
  model:exits(name, false)
end

function actions.finish(world, model, name)
  world:finish(name)
  model:exits(name, true)
end

function actions.hang(world, model, name)
  world.scripts[name]:run(function(self)
    self:beat()
    while true do self:sleep(1e6) end
  end)
  world:step(0)
  model:hang(name)
end

function actions.terminate(world, model, name)
  assert.is_true(world:call("terminate_child", "root", name))
  model:terminate(name)
end

local RUNNING = { "crash", "finish", "hang", "terminate" }

--- Whether another would be late in the same tick: which of the two is found first is nobody's promise.
local function is_ambiguous(model)
  for _, child in ipairs(model.children) do
    if child.late_at and math.abs(child.late_at - model.now - HEARTBEAT) < 0.01 then return true end
  end
end

local function act(world, model)
  if math.random() < 0.4 then
    local seconds = pick { 0.25, 0.5, 1, 1.75, 3.5 }
    world:step(seconds)
    model:step(seconds)
    return ("step %g"):format(seconds)
  end
  if #model.children == 0 then return "nothing" end
  local child = pick(model.children)
  if child.late_at then return "nothing" end
  if child.state == "running" then
    local what = pick(RUNNING)
    if what == "hang" and is_ambiguous(model) then return "nothing" end
    actions[what](world, model, child.name)
    return what .. " " .. child.name
  end
  assert.equal(child.name, world:call("restart_child", "root", child.name).name)
  model:start_again(child.name)
  return "start " .. child.name
end

local function compare(world, model, script)
  local where = table.concat(script, ", ")
  assert.equal(model.ended, world.ended and world.ended.kind, where)
  if model.ended then return end
  local names, expected = {}, {}
  for i, one in ipairs(dynamic.which_children(world:unit "root")) do
    names[i] = ("%s %s %d"):format(one.name, one.phase, world.scripts[one.name].starts)
  end
  for i, child in ipairs(model.children) do
    expected[i] = ("%s %s %d"):format(child.name, child.state, child.starts)
  end
  assert.same(expected, names, where)
end

local function play(seed)
  math.randomseed(seed)
  local strategy, limits = pick(STRATEGIES), { restarts = math.random(0, 6), within = pick { 1, 5, 20 } }
  local types, children = {}, {}
  local world = worlds.new()
  for i = 1, math.random(1, 6) do
    types[i] = pick(TYPES)
    children[i] = world:worker("u" .. i, { restart = types[i], shutdown = "kill" })
  end
  children.strategy, children.intensity = strategy, limits
  local model = new_model(strategy, limits, types)
  world:tree(children)
  local script = { ("seed %d %s %d/%g %s"):format(seed, strategy, limits.restarts, limits.within,
    table.concat(types, " ")) }
  local ok, fault = pcall(function()
    for _ = 1, 60 do
      script[#script + 1] = act(world, model)
      compare(world, model, script)
      if model.ended then break end
    end
  end)
  world:close()
  if not ok then error(fault, 0) end
end

describe("a supervisor under random scripts", function()
  for block = 0, 9 do
    it(("does as the model says, seeds %d to %d"):format(block * 50 + 1, block * 50 + 50), function()
      for seed = block * 50 + 1, block * 50 + 50 do play(seed) end
    end)
  end
end)
