-- Guest change: a guest follows a reload of its host's. The new code is loaded apart, beside the old, with the host's
-- limits of time and memory; then the host's plan for this part of the tree is applied here. A load that fails changes
-- nothing.

local attempt = require "luvisor.edge.load.attempt"
local branch = require "luvisor.machine.branch"
local change = require "luvisor.machine.change"
local generations = require "luvisor.edge.load.generation"
local parcel = require "luvisor.core.plan.parcel"
local unit = require "luvisor.machine.unit"
local upgrade = require "luvisor.machine.worker.upgrade"

local guest_change = {}

local PATIENCE = 10 -- seconds for a worker that is just being started
local LOOK = 0.05   -- seconds between two looks at it

-- ---- the generation

local function use(world, loaded)
  local before = { generation = generations.use(loaded.generation), settings = world.settings, source = world.source }
  world.settings, world.source = loaded.settings, loaded.source
  world.mail.forget() -- which has the time for calls
  return before
end

local function load(world, told)
  local generation = generations.new(told.source.files)
  local spec, settings = world.load_unit(told, generation)
  if not spec then return nil, settings end
  spec.shutdown = told.shutdown
  return { spec = spec, settings = settings, generation = generation, source = told.source }
end

-- ---- the unit

local function upgrade_worker(job)
  local worker = job.worker
  if upgrade.is_possible(worker) then return upgrade.begin(worker, job.spec, job.maps, job.done) end
  if job.left <= 0 or not unit.is_alive(worker) then return job.done(nil, "it has no state that could go on") end
  job.left = job.left - LOOK
  worker.env.after(LOOK, upgrade_worker, job)
end

local function change_worker(world, worker, loaded, told, reply)
  local before = use(world, loaded)
  local function done(ok, message)
    if not ok then use(world, before) end
    reply(ok, message)
  end
  local maps = told.change.action == "upgrade"
  upgrade_worker { worker = worker, spec = loaded.spec, maps = maps, done = done, left = PATIENCE }
end

local function change_tree(world, loaded, told, reply)
  local plan = { tree = parcel.unpack(told.change, world.tree.root.spec, loaded.spec) }
  use(world, loaded)
  world.sockets.open_all(loaded.spec)
  change.apply(world.tree, plan, function(failures, message, started)
    if not failures then return reply(nil, message) end
    world.sockets.close_unused(world.tree.root)
    branch.walk(world.tree.root, "", world.mirrored) -- tags and the like may be others
    reply(true, failures, started)
  end, told.cause)
end

local function follow(world, told, reply)
  local root = world.tree.root
  local is_worker = root.spec.kind == "worker"
  if is_worker and told.change.action == "change" and not told.change.timeouts then
    root.spec.shutdown = told.shutdown
    return reply(true)
  end
  attempt.run(root, "reload", world.settings, function() return load(world, told) end, function(loaded, message)
    if not loaded then return reply(nil, message) end
    if is_worker then return change_worker(world, root, loaded, told, reply) end
    local ok, fault = xpcall(change_tree, debug.traceback, world, loaded, told, reply)
    if not ok then reply(nil, fault) end
  end)
end

-- ---- one at a time

local line = {} -- { world, told, reply }, the first of which is under way

local function follow_first()
  local world, told, reply = table.unpack(line[1])
  local timer
  local function tell()
    world.ask_host { "following" }
    timer = world.after(told.settings.change_timeout / 4, tell)
  end
  tell()
  follow(world, told, function(...)
    world.cancel(timer)
    reply(...)
    table.remove(line, 1)
    if line[1] then follow_first() end
  end)
end

--- Follows; reply(true, failures, started) or reply(nil, message) once everything is done. Those that come meanwhile
--- wait.
---@param world table
---@param told table what a guest is told to run, with `change` and `cause`
---@param reply function
function guest_change.run(world, told, reply)
  line[#line + 1] = { world, told, reply }
  if not line[2] then follow_first() end
end

return guest_change
