-- Guest report: what a guest tells its host of the units that run in it: events as they happen, for those who watch
-- them, and how each unit stands, gathered for a moment so that a busy one does not flood the host.

local lazy = require "luvisor.core.lazy"
local branch = require "luvisor.machine.branch"
local exit = require "luvisor.core.exit"
local inspect = lazy "luvisor.machine.inspect"
local reasons = lazy "luvisor.machine.reasons"
local runtime = require "host.runtime"

local report = {}

local GATHER = 0.02 -- seconds

-- What the host tells of the guest's unit itself.
local TOLD_BY_HOST = { start = true, ready = true, stop = true, exit = true }
local CHRONICLED = { transition = true, exit = true } -- what the host notes down in any case
local LEAST = { "start", "ready", "transition", "exit", "restart", "stop", "fatal" }

local root, parent, watched
local dirty, due   -- units to be told about, and whether that is under way
local urgent       -- whether it is to be told in this turn
local fallen = {}  -- units that have ended, and may be back at once
local known = {}   -- unit -> names from the root, of those the host has heard of
local notes = {}   -- frames about units that the host has yet to hear of

local function names_of(one)
  local names = {}
  while one ~= root do
    table.insert(names, 1, one.name)
    one = one.parent
  end
  return names
end

local function is_there(one)
  while one ~= root do
    local above = one.parent
    if not above.children or above.children:find(one.name) ~= one then return false end
    one = above
  end
  return true
end

local function blocker_of(one)
  local other = one.phase == "waiting" and one.env.tree:blocker(one)
  return other and other:path() or nil
end

local FAILED = { fatal = true, done = true, backoff = true, stopped = true }

-- What a program that has failed said last; nobody asks again.
local function last_words_of(one)
  if one.home then return one.last_words end
  local why = FAILED[one.phase] and one.spec.kind == "program" and one.last_exit
  return why and not exit.is_normal(why) and inspect.last_words(one) or nil
end

local function describe(one)
  local state, pid = one:describe()
  return {
    names = known[one], unit = one.spec.kind, strategy = one.spec.strategy, tags = one.spec.tags,
    phase = one.phase, state = state, pid = pid, generation = one.generation, restarts = one.restarts,
    why = one ~= root and reasons.of(one) or nil, ready_for = one.ready_at and runtime.now() - one.ready_at or nil,
    up = one.up or nil, exit = one.last_exit and exit.pack(one.last_exit) or nil,
    blocker = one.blocker or blocker_of(one), last_words = last_words_of(one),
    at = one ~= root and type(one.name) == "string" and one.at or nil,
  }
end

local add

local function add_new(list, one)
  if known[one] or not is_there(one) then return end
  if one ~= root then add_new(list, one.parent) end
  add(list, one)
end

function add(list, one)
  known[one] = known[one] or names_of(one)
  list[#list + 1] = describe(one)
  for _, child in ipairs(branch.children(one)) do add_new(list, child) end
end

-- Of a supervisor that has started anew the children have the names of those that it had.
local function is_taken(names)
  local at = root
  for _, name in ipairs(names) do
    at = at.children and at.children:find(name)
    if not at then return false end
  end
  return true
end

local function remove(list, one)
  local names = known[one]
  known[one], fallen[one] = nil, nil
  if not is_taken(names) then list[#list + 1] = { names = names, removed = true } end
end

local function depth_of(one)
  local depth = 0
  while one ~= root do
    one, depth = one.parent, depth + 1
  end
  return depth
end

-- Parents first, and siblings in their order.
local function in_order()
  local list, depths = {}, {}
  for one in pairs(dirty) do
    list[#list + 1], depths[one] = one, depth_of(one)
  end
  table.sort(list, function(a, b)
    if depths[a] ~= depths[b] then return depths[a] < depths[b] end
    return (a.at or 0) < (b.at or 0)
  end)
  return list
end

local function changes()
  local list = {}
  for _, one in ipairs(in_order()) do
    if is_there(one) then
      if not known[one] and one ~= root then add_new(list, one.parent) end
      add(list, one)
    elseif known[one] then
      remove(list, one)
    end
  end
  return list
end

--- Tells what has changed since the last time.
function report.flush()
  due, urgent = nil, nil
  if not next(dirty) then return end
  local list = changes()
  dirty = {}
  if #list > 0 then parent:send({ "units", list }, true) end
  for _, frame in ipairs(notes) do parent:send(frame, true) end
  notes = {}
end

-- Tasks belong to a worker, and to no tree.
local function mark(one)
  if one ~= root and not one.parent.children then return end
  dirty[one] = true
  if due then return end
  due = true
  runtime.after(GATHER, report.flush)
end

-- One that is back at once is not taken for dead by the host until what else there is was gathered.
local function note_life(kind, one)
  if kind == "exit" then fallen[one] = true end
  if kind ~= "start" or not fallen[one] then return end
  fallen[one] = nil
  if not urgent then runtime.post(report.flush) end
  urgent = true
end

-- Some of those that are gone never said so.
local function mark_gone()
  for one in pairs(known) do
    if not is_there(one) then mark(one) end
  end
end

local function send_event(kind, one, event)
  if not watched[kind] and not CHRONICLED[kind] or one == root and TOLD_BY_HOST[kind] then return end
  if event.exit then event.exit = exit.pack(event.exit) end
  event.handle = nil
  -- An event of somebody unknown would be dropped, and who is told to be ready is not to be taken for dead.
  if not known[one] or urgent and kind == "ready" then report.flush() end
  parent:send({ "event", kind, one:path(), event }, kind == "exit")
end

-- What its chronicle has of it the host has too, and so still has when this runtime is gone.
local function send_note(one, kind, first, ...)
  if kind == "state" or one == root or not one.parent.children then return end -- transitions are events
  local frame = { "note", one:path(), kind, exit.is(first) and exit.pack(first) or first, ... }
  if known[one] then return parent:send(frame, true) end
  mark(one)
  notes[#notes + 1] = frame
end

-- What others wait for may be given up, which is why they wait.
local function mark_waiting(tree)
  for _, one in ipairs(tree.waiting) do mark(one) end
end

--- Begins to tell.
function report.begin(env, first, wire, kinds)
  root, parent, watched = first, wire, kinds
  dirty, known[root] = {}, {}
  env.emit = function(kind, one, event)
    if kind ~= "heartbeat" then mark(one) end
    if kind == "transition" and one.spec.kind == "supervisor" and event.to == "starting" then mark_gone() end
    if kind == "fatal" then mark_waiting(env.tree) end
    send_event(kind, one, event)
    note_life(kind, one)
  end
  env.mirrored, env.noted = mark, send_note
  for _, kind in ipairs(LEAST) do env.watch(kind) end
  for kind in pairs(kinds) do env.watch(kind) end
end

--- A call of the host's is answered: with what the host has to know before.
function report.before_reply(value)
  mark_gone()
  if type(value) == "table" and not value.values then dirty[value] = true end
  report.flush()
end

return report
