-- Mirror: the units of a guest as the host's tree shows them. A stub stands for each: it can be found, looked at and
-- waited for as any unit, and what is asked of it goes to the guest. What a stub says is what the guest said last.

local branch = require "luvisor.machine.branch"
local chronicle = require "luvisor.machine.chronicle"
local ends = require "luvisor.machine.supervisor.ends"
local exit = require "luvisor.core.exit"
local roster = require "luvisor.machine.supervisor.roster"
local unit = require "luvisor.machine.unit"

local mirror = {}

local Stub = { remote = true, path = unit.path }
Stub.__index = Stub

function Stub.describe(self)
  return self.shown or self.phase, self.pid
end

--- As Remote.forward: `target` is one of the guest's.
function Stub.forward(self, target, ...)
  return self.home:forward(target, ...)
end

--- Takes a letter there.
function Stub.deliver(self, letter)
  return self.home:deliver(letter, self)
end

function Stub.route(self, address, timeout)
  self.home:route(address, timeout, self)
end

--- Has something said to a unit of the guest that runs in `home`, by its own runtime: see bonds.arrive.
function mirror.tell(home, target, ...)
  local run = home.run
  if run and run.guest then run.guest:send(table.pack("tell", target:path(), ...), true) end
end

function Stub.tell(self, target, ...)
  mirror.tell(self.home, target, ...)
end

--- Ends it by force, where it is.
function Stub.kill(self)
  self:forward(self, "kill", nil, function() end)
end

local function new_stub(home, parent, name, change)
  local stub = setmetatable({
    env = home.env, home = home, parent = parent, name = name, generation = 0, phase = "idle",
    spec = { kind = change.unit, name = name },
  }, Stub)
  parent.children = parent.children or roster.new()
  parent.children:add(stub)
  if type(name) == "string" then branch.note_name(home.env) end
  return stub
end

local function descend(home, names, last)
  local at = home
  for i = 1, last do
    at = at.children and at.children:find(names[i])
    if not at then return nil end
  end
  return at
end

local function take_over(one, change)
  one.shown, one.pid = change.state, change.pid
  if one.home then
    one.phase, one.generation, one.restarts = change.phase, change.generation, change.restarts
    one.up = change.up
    one.spec.strategy, one.spec.tags = change.strategy, change.tags
    one.reason, one.ready_at = change.why, change.ready_for and one.env.now() - change.ready_for
    one.last_exit = change.exit and exit.unpack(change.exit)
    one.blocker, one.last_words = change.blocker, change.last_words
  end
end

-- ---- ends

local function tell_ends(one, why)
  local store = one.env.ends
  if store[one] then ends.tell(store, one, why) end
end

-- What ran below ended with it, if it has not said so before.
local function end_below(one, why)
  for _, child in ipairs(branch.children(one)) do
    if unit.is_alive(child) or child.phase == "backoff" or child.phase == "waiting" then child.phase = "stopped" end
    child.shown, child.pid = nil, nil
    tell_ends(child, why)
    end_below(child, why)
  end
end

local function gone(one, why)
  return exit.new { kind = "killed", cause = why, message = ("ended with %s: %s"):format(one:path(), tostring(why)) }
end

--- A generation of one of the guest's units has ended; what it does next comes with what else has changed.
---@param one table
---@param why luvisor.Exit
function mirror.ended(one, why)
  if not one.home then return end
  if unit.is_alive(one) then one.phase = "restarting" end
  one.last_exit = why
  tell_ends(one, why)
  end_below(one, gone(one, why))
end

--- An event of one of the guest's units. Passages go into its own chronicle, but for the states of workers.
---@param one table
---@param kind string
---@param event table
function mirror.hear(one, kind, event)
  if kind == "transition" and one.spec.kind ~= "worker" then
    chronicle.note(one, "state", event.from, event.to, event.event)
  elseif kind == "exit" then
    mirror.ended(one, event.exit)
  end
  if one.env.watched[kind] then one.env.emit(kind, one, event) end
end

--- The guest is gone, and with it all that ran there.
---@param home table
---@param why luvisor.Exit
function mirror.end_all(home, why)
  home.shown = nil
  end_below(home, gone(home, why))
end

-- ---- changes

-- Somebody may still wait for it.
local function take_out(parent, one)
  parent.children:remove(one)
  branch.walk(one, "", function(each)
    each.phase, each.shown, each.pid = "stopped", nil, nil
    each.reason = each.last_exit and tostring(each.last_exit)
  end)
end

local function apply(home, change)
  local names = change.names
  local parent = descend(home, names, #names - 1)
  if #names == 0 then
    take_over(home, change)
    return home
  end
  if not parent then return nil end
  local name = names[#names]
  local one = parent.children and parent.children:find(name)
  if change.removed then
    if one then take_out(parent, one) end
    return one
  end
  one = one or new_stub(home, parent, name, change)
  take_over(one, change)
  return one
end

-- Puts those children that were told of into the order that they have there, in the places that they have here: a
-- reload may have changed it.
local function arrange(parent, told, places)
  local names, sorted, next = {}, true, 0
  table.sort(told, function(a, b) return places[a] < places[b] end)
  for i = 2, #told do sorted = sorted and told[i - 1].at < told[i].at end
  if sorted then return end
  for i, child in ipairs(branch.children(parent)) do
    if places[child] then next, child = next + 1, told[next + 1] end
    names[i] = child.name
  end
  parent.children:arrange(names)
end

--- The guest has noted down something of one of its units.
---@param home table
---@param path string
---@param kind string as chronicle.note has it
function mirror.note(home, path, kind, first, ...)
  local one = mirror.find(home, path)
  if one then chronicle.note(one, kind, type(first) == "table" and exit.unpack(first) or first, ...) end
end

--- Takes over what has changed in the guest of a unit.
---@param home table the remote unit
---@param changes table[]
function mirror.update(home, changes)
  local mirrored = home.env.mirrored -- a guest passes on what it hears of its own guests
  local places, parents = {}, {}
  for _, change in ipairs(changes) do
    local one = apply(home, change)
    if one and change.at then
      local told = parents[one.parent] or {}
      if not places[one] then told[#told + 1] = one end
      places[one], parents[one.parent] = change.at, told
    end
    if one and mirrored then mirrored(one) end
  end
  for parent, told in pairs(parents) do arrange(parent, told, places) end
  home.env.tree:changed()
end

--- The only worker of a guest has come to a state.
---@param home table
---@param generation integer
---@param state string
---@param way? string[] state, event, state and so on, as far as that was not told
function mirror.arrive(home, generation, state, way)
  local env = home.env
  home.shown = state
  for i = 3, way and env.watched.transition and #way or 0, 2 do
    env.emit("transition", home,
      { from = way[i - 2], event = way[i - 1], to = way[i], generation = generation })
  end
  if env.mirrored then env.mirrored(home) end
end

--- The unit of a path as the guest knows it.
---@param home table
---@param path string
---@return table|nil
function mirror.find(home, path)
  local own = home:path()
  if path == own then return home end
  if path:sub(1, #own + 1) ~= own .. "/" then return nil end
  return branch.find(home, path:sub(#own + 2))
end

return mirror
