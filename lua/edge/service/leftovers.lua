-- Leftovers: processes of units that outlive their host.
--
-- A host that was killed may leave some behind. The next one of its name finds them by the marks that they carry and
-- does with each what its unit says (`orphans`): kill, which is what happens to those of no unit of this tree, too;
-- adopt, if it is the program itself; or warn. The tree is started when those to be killed are gone: no program ever
-- runs twice; a host that is told to end before that ends them by force. And a host that ends kills whoever got away
-- from all its units.

local signals = require "luvisor.core.signals"
local orphans = require "host.orphans"
local process = require "host.process"
local record = require "luvisor.edge.service.record"
local runtime = require "host.runtime"

local leftovers = {}

local LOOK_AGAIN = 0.05   -- seconds
local PATIENCE = 10       -- seconds for those who are asked to end, and of whose unit nothing is known
local LAST_PATIENCE = 2   -- seconds after SIGKILL
local TERM, KILL, CONT = signals.number "TERM", signals.number "KILL", signals.number "CONT"

local under_way -- the wait for their end: { after, hurry, told, killed = when the last of them was }

-- The specs of the programs by their paths, and below [elsewhere] those of other runtimes, which adopt nobody.
local function programs_of(spec, found, elsewhere)
  elsewhere = elsewhere or spec.kind == "supervisor" and (spec.executor or "coroutine") ~= "coroutine"
  if spec.kind == "program" then
    local fate = elsewhere and spec.orphans == "adopt" and "kill" or spec.orphans
    found[spec.path] = { shutdown = spec.shutdown, fate = fate }
  end
  for _, child in ipairs(spec.children or {}) do programs_of(child, found, elsewhere) end
  return found
end

local function path_of(mark)
  return mark:match "^(.*)/%d+@"
end

-- Those instances of whom somebody lives, or may live.
local function with_survivors(instances)
  local left = {}
  for _, instance in ipairs(instances) do
    local found = orphans.find("@" .. instance)
    if not found or found[1] then left[#left + 1] = instance end
  end
  return left
end

local function patience_with(program)
  local shutdown = program and program.shutdown
  return type(shutdown) == "number" and shutdown or PATIENCE
end

-- Everybody of the earlier instances, by what is to become of them; nil, message, CODE when it cannot look, for want of
-- descriptors, say: that somebody was not seen does not mean that nobody is there.
local function sort(instances, programs)
  local sorted = { kill = {}, adopt = {}, warn = {} }
  for _, instance in ipairs(instances) do
    local found, message, code = orphans.find("@" .. instance)
    if not found then return nil, message, code end
    for _, one in ipairs(found) do
      one.path = path_of(one.mark) or "?"
      local program = programs[one.path]
      one.patience = patience_with(program)
      table.insert(sorted[program and program.fate or "kill"], one)
    end
  end
  return sorted
end

local function pids_of(list)
  local pids = {}
  for i, one in ipairs(list) do pids[i] = ("%d (%s)"):format(one.pid, one.path) end
  return table.concat(pids, ", ")
end

-- ---- adoption

-- A program whose leader has survived is adopted whole, with everybody of its mark; of any other nothing is left that
-- could be supervised.
local function choose_adoptions(sorted)
  local adoptions, marks, given_up = {}, {}, {}
  for _, one in ipairs(sorted.adopt) do
    if one.session == one.pid and not adoptions[one.path] then
      adoptions[one.path], marks[one.mark] = { pid = one.pid, mark = one.mark }, true
    end
  end
  for _, one in ipairs(sorted.adopt) do
    if not marks[one.mark] then given_up[#given_up + 1] = one end
  end
  table.move(given_up, 1, #given_up, #sorted.kill + 1, sorted.kill)
  return adoptions
end

-- ---- the end of the others

local function signal_all(list, number, write)
  for _, one in ipairs(list) do
    local ok, message, code = orphans.signal(one.pid, one.mark, number)
    local is_gone = code == "ESRCH" or code == "ENOENT" -- one that is about to be has lost its mark already
    if not ok and not is_gone then write("warn", "luvisor", "pid %d (%s): %s", one.pid, one.path, message) end
  end
end

-- Who is still there, children that were made meanwhile among them; an adopted one is not asked about. Nil when it
-- cannot look.
local function still_there(instances, programs, adoptions)
  local sorted = sort(instances, programs)
  if not sorted then return nil end
  local kept, left = {}, {}
  for _, adoption in pairs(adoptions) do kept[adoption.mark] = true end
  for _, list in ipairs { sorted.kill, sorted.adopt } do
    for _, one in ipairs(list) do
      if not kept[one.mark] then left[#left + 1] = one end
    end
  end
  return left
end

-- Kills those who have had their time; true when that is everybody.
local function kill_late(left, waited, write)
  local late, hurry = {}, under_way.hurry
  for _, one in ipairs(left) do
    if hurry or waited > one.patience then late[#late + 1] = one end
  end
  if late[1] and not under_way.told then
    under_way.told = true
    write("warn", "luvisor", "%s, killing %s", hurry and "must end now" or "did not end in time", pids_of(late))
  end
  signal_all(late, KILL, write)
  return #late == #left
end

local function wait_for_end(look, write, done)
  local since, calm = runtime.now(), false
  under_way = { after = done }
  local function over()
    local after = under_way.after
    under_way = nil
    after()
  end
  local function again()
    local left, now = look(), runtime.now()
    if not left and not under_way.hurry then return runtime.after(LOOK_AGAIN, again) end
    if not left or #left == 0 and calm then return over() end
    calm = #left == 0 -- one that is about to die has no mark any more: it is looked for twice
    local killed = under_way.killed
    if killed and now - killed > LAST_PATIENCE then
      write("error", "luvisor", "still alive %g s after SIGKILL: %s", LAST_PATIENCE, pids_of(left))
      return over()
    end
    if not calm and kill_late(left, now - since, write) then under_way.killed = killed or now end
    runtime.after(LOOK_AGAIN, again)
  end
  again()
end

-- What the want of descriptors or memory keeps from being done is tried until it is: a host that does not know of
-- those before it would start its programs beside them. Calls fn(result of action), or fn(nil, message) if it fails
-- otherwise.
local PASSING = { EMFILE = true, ENFILE = true, ENOMEM = true }

local function insist(write, action, fn)
  local told = false
  local function again()
    local result, message, code = action()
    if result or not PASSING[code] then return fn(result, message) end
    if not told then write("warn", "luvisor", "waits for what it needs before it begins: %s", message) end
    told = true
    runtime.after(LOOK_AGAIN, again)
  end
  again()
end

local function read(place, write, fn)
  insist(write, function() return record.read(place.state) end, function(instances, message)
    if not instances then
      write("warn", "luvisor", "%s: %s; nobody of an earlier host is looked for", place.state, message)
    end
    fn(instances or {})
  end)
end

local function note(place, instances, write, fn)
  insist(write, function() return record.write(place.state, instances) end, function(ok, message)
    if not ok then
      write("warn", "luvisor", "%s: %s; should this host be killed, nobody will know of its programs", place.state,
        message)
    end
    fn()
  end)
end

local function end_them(sorted, instances, programs, adoptions, write, done)
  if #sorted.kill > 0 then
    write("warn", "luvisor", "an earlier host has left behind %s: ending them", pids_of(sorted.kill))
  end
  signal_all(sorted.kill, TERM, write)
  signal_all(sorted.kill, CONT, write)
  wait_for_end(function() return still_there(instances, programs, adoptions) end, write, done)
end

local function take(sorted, place, instances, programs, write, done)
  local adoptions = choose_adoptions(sorted)
  local remembered = { process.instance, table.unpack(with_survivors(instances)) }
  if #sorted.warn > 0 then
    write("warn", "luvisor", "an earlier host has left behind %s: they are let be", pids_of(sorted.warn))
  end
  note(place, remembered, write, function()
    if #instances == 0 then return done(adoptions) end
    end_them(sorted, instances, programs, adoptions, write, function() done(adoptions) end)
  end)
end

--- Does with those that earlier hosts of this name have left behind what is to be done, then calls done(adoptions).
---@param place luvisor.Paths|nil nil: without a name there is no earlier one
---@param root luvisor.Spec resolved
---@param write function of the log
---@param done fun(adoptions: table<string, { pid: integer, mark: string }>) by the path of the unit
function leftovers.settle(place, root, write, done)
  if not place then return done {} end
  local programs = programs_of(root, {})
  read(place, write, function(instances)
    insist(write, function() return sort(instances, programs) end, function(sorted, message)
      if not sorted then write("warn", "luvisor", "cannot look for what an earlier host has left: %s", message) end
      take(sorted or { kill = {}, adopt = {}, warn = {} }, place, instances, programs, write, done)
    end)
  end)
end

-- Whoever was let be, or could not be ended in time, is for the next host to find.
local function forget(place)
  local instances = record.read(place.state)
  if not instances then return end -- it cannot be read now, but may be later
  local left = with_survivors(instances)
  if left[1] then record.write(place.state, left) else record.remove(place.state) end
end

local function kill_inherited(place, write, done)
  local since, told = runtime.now(), false
  local function again()
    local left = orphans.inherited() -- nil: it cannot look
    local is_over = left and #left == 0
    if is_over or runtime.now() - since > LAST_PATIENCE then
      if is_over and place then forget(place) end
      return done()
    end
    if left and not told then
      write("warn", "luvisor", "killing %s: they have got away from their units", table.concat(left, ", "))
    end
    told = told or left ~= nil
    orphans.kill_inherited()
    runtime.after(LOOK_AGAIN, again)
  end
  again()
end

--- The tree has ended, or was not started: kills those of earlier hosts who have not ended yet, and whoever is a child
--- of this host and of none of its units, then calls done().
---@param place luvisor.Paths|nil
---@param write function of the log
---@param done function
function leftovers.finish(place, write, done)
  if not under_way then return kill_inherited(place, write, done) end
  under_way.hurry = true
  under_way.after = function() kill_inherited(place, write, done) end
end

return leftovers
