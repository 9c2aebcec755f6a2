-- Explain: why a unit is in its state: what happened to it, in words, and the same for those whose fault it is: what it
-- waits for, the unit for whose sake it was stopped, the child that a supervisor gave up because of.

local chronicle = require "luvisor.machine.chronicle"
local exit = require "luvisor.core.exit"
local inspect = require "luvisor.machine.inspect"
local units = require "luvisor.core.units"

local explain = {}

local DEEPEST = 8
local STATES = 16 -- of a worker's past

-- ---- one entry in words

local words = {}

function words.state(entry)
  return ("%s -> %s (%s)"):format(entry[1], entry[2], tostring(entry[3]))
end

local AFTERWARDS = {
  give_up = ", given up", stop = ", stays down", escalate = ", and its supervisor with it",
}

function words.ended(entry)
  local decision, delay = entry[2], entry[3]
  local after = AFTERWARDS[decision] or ""
  if decision == "restart" then after = delay and ", starts again in " .. units.text(delay) or ", starts again" end
  return ("ended: %s%s"):format(tostring(entry[1]), after)
end

function words.stopped(entry)
  return ("stopped: %s"):format(tostring(entry[1]))
end

function words.asked(entry)
  return ("asked to stop: %s"):format(entry[1] or "its supervisor does")
end

function words.start(entry)
  return tostring(entry[1])
end

function words.changed(entry)
  return tostring(entry[1])
end

function words.waits(entry)
  return ("waits for %s"):format(entry[1])
end

local function entries_of(self)
  local now, list = self.env.now(), {}
  for i, entry in ipairs(chronicle.read(self)) do
    list[i] = {
      age = now - entry.at, kind = entry.kind, text = words[entry.kind](entry),
      by = entry.kind == "asked" and entry[2] or nil,
    }
  end
  return list
end

-- The states that a worker's present generation has gone through.
local function states_of(self)
  local machine = self.spec.kind == "worker" and self.past and self.spec.machine
  if not machine then return nil end
  local list, past = {}, machine.recall(self.past)
  for i = math.max(1, #past - STATES + 1), #past do list[#list + 1] = past[i] end
  return list
end

-- ---- whose fault it is

local function culprit(self)
  local tree = self.env.tree
  if self.phase == "waiting" then return self.blocker and tree:find(self.blocker) or tree:blocker(self) end
  local asked = chronicle.last(self, "asked")
  if asked and asked[2] and (self.phase == "stopped" or self.phase == "stopping") then return tree:find(asked[2]) end
  local name = self.last_exit and self.last_exit.child
  if not name or self.phase == "running" then return nil end
  return self.children and self.children:find(name) or tree:find(name)
end

local function causes_of(why)
  local list, cause = {}, why and why.cause
  while cause and #list < DEEPEST do
    list[#list + 1], cause = tostring(cause), cause.cause
  end
  return list
end

--- What happened to a unit, and to those because of whom: { unit, entries, states, causes, last_words, because }.
---@param self table
---@param seen? table<table, boolean>
---@return table
function explain.unit(self, seen)
  seen = seen or {}
  seen[self], seen.depth = true, (seen.depth or 0) + 1
  local result = {
    unit = inspect.closely(self), entries = entries_of(self), states = states_of(self),
    causes = causes_of(self.last_exit),
    last_words = self.last_exit and not exit.is_normal(self.last_exit) and inspect.last_words(self) or nil,
  }
  local other = culprit(self)
  if other and not seen[other] and seen.depth < DEEPEST then result.because = explain.unit(other, seen) end
  return result
end

return explain
