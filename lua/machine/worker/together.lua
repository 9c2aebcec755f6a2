-- Together: units that are asked to stop with their group. One that is gone at once has nothing of its own to remember:
-- it shares the record of the group, see chronicle.lua.
--
-- A worker that rests, and to which nothing special applies, ends within the turn in which it sees the stop. So those
-- that stand in a row are stopped in a row: what comes of it is what sweep.lua, unit.lua and worker.lua come to, in as
-- few steps as that takes. Who does not end at once, or on whom somebody looks, is left to them.

local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"

local together = {}

local asked -- the unit that is being asked, until it is gone
local place -- of the one in a row that is being asked

-- How a unit took it that was asked while it was `asked`.
local function note(self, group, outer)
  local is_gone = asked ~= self
  asked = outer
  if is_gone and self.last_exit == exit.shutdown then return chronicle.join(self, group) end
  chronicle.note(self, "asked", group.cause, group.by)
  if is_gone then chronicle.note(self, "stopped", self.last_exit) end
end

--- Asks a unit to stop.
---@param self table
---@param group table of chronicle.group
function together.stop(self, group)
  local outer = asked
  asked = self
  self:stop()
  note(self, group, outer)
end

--- Whether this is the end of the unit that is being asked: then it is noted here.
function together.notes(self)
  if self ~= asked then return false end
  asked = nil
  return true
end

local function stop_some(sweep, units, first, last)
  local env, group, shutdown, outer = sweep.supervisor.env, sweep.group, exit.shutdown, asked
  local watched, logs, finish = env.watched, env.logs, env.task.finish
  local way, state, endings, ending, past, end_state, end_past, before, record
  for i = first, last do
    local self = units[i]
    if self.spec.routine ~= way or self.state ~= state then
      way, state = self.spec.routine, self.state
      endings = way and way.endings[state]
    end
    if not endings or self.phase ~= "running" or watched.stop then return i end
    self.phase, self.stopping = "stopping", true
    asked, place = self, i
    local found, event = finish(self.task, way.shutdown, endings)
    if found and not (self.special or sweep.broken or logs.info or watched.transition or watched.exit) then
      if found ~= ending or self.past ~= past then -- those of a group have the same
        ending, past = found, self.past
        end_state, end_past = found.state, way.append(past, found.past)
      end
      self.state, self.past, self.instance, self.ready_at = end_state, end_past, nil, nil
      self.phase, self.last_exit = "stopped", shutdown
      if not record or self.groups ~= before then
        chronicle.join(self, group)
        before, record = group.before, group.record
      end
      self.groups = record
    else
      if found then self:ended(event) end
      note(self, group, outer)
      if self.phase == "stopping" then return i + 1, self end
      if sweep.broken then return i + 1 end
    end
  end
  return last + 1
end

--- The place in the row that is being stopped of the one who comes next.
function together.next()
  return place + 1
end

--- Stops units[first] and those after it up to units[last], as long as each is gone when it was asked.
---@param sweep table that is under way, with its group; `broken` when something else came up meanwhile
---@param units table[]
---@param first integer
---@param last integer
---@return integer next the first that was not asked
---@return table|nil left the last one asked, where it is still there
function together.stop_row(sweep, units, first, last)
  local tree, outer, outer_place = sweep.supervisor.env.tree, asked, place
  local next, left = stop_some(sweep, units, first, last)
  asked, place = outer, outer_place
  if next > first and tree.waiting[1] then tree:changed() end
  return next, left
end

return together
