-- Registry: names that units have besides their paths. A name belongs to one unit, a topic to any number of them. Both
-- are gone when the generation that took them ends. The host's has all, that of a guest the names of its own units.

local ends = require "luvisor.machine.supervisor.ends"

local Registry = { __name = "luvisor.registry" }
Registry.__index = Registry

local registry = {}

---@param store table the runtime's ends
---@param changed? fun() called when a name means another unit
function registry.new(store, changed)
  return setmetatable({ ends = store, changed = changed or function() end, names = {}, topics = {}, owned = {} },
    Registry)
end

local function forget_topic(self, topic, unit)
  local members = self.topics[topic]
  if not members or not members[unit] then return false end
  for i, one in ipairs(members) do
    if one == unit then table.remove(members, i) break end
  end
  members[unit] = nil
  if #members == 0 then self.topics[topic] = nil end
  return true
end

local function forget_all(self, unit)
  local mine = self.owned[unit]
  self.owned[unit] = nil
  for name in pairs(mine.names) do self.names[name] = nil end
  if next(mine.names) then self.changed() end
  for topic in pairs(mine.topics) do forget_topic(self, topic, unit) end
end

local function owned(self, unit)
  local mine = self.owned[unit]
  if not mine then
    mine = { names = {}, topics = {} }
    self.owned[unit] = mine
    ends.add(self.ends, unit, function() forget_all(self, unit) end)
  end
  return mine
end

local function check(name)
  if type(name) == "string" and name ~= "" and #name <= 255 then return true end
  return nil, "expected a name, got " .. type(name), "EINVAL"
end

--- Gives a unit a name: true, or nil, message, "EEXIST".
function Registry:register(name, unit)
  local ok, message, code = check(name)
  if not ok then return nil, message, code end
  local holder = self.names[name]
  if holder then return nil, ("%s is the name of %s"):format(name, holder:path()), "EEXIST" end
  self.names[name] = unit
  self.changed()
  owned(self, unit).names[name] = true
  return true
end

--- Takes a name away; false when there is none.
function Registry:unregister(name)
  local holder = self.names[name]
  if not holder then return false end
  self.names[name] = nil
  self.changed()
  self.owned[holder].names[name] = nil
  if holder.tell then holder:tell(holder, "unnamed", name) end
  return true
end

--- The unit of a name, or nil.
function Registry:whereis(name)
  return self.names[name]
end

--- All names, sorted.
function Registry:registered()
  local list = {}
  for name in pairs(self.names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- Adds a unit to a topic; once more is the same as once.
function Registry:join(topic, unit)
  local ok, message, code = check(topic)
  if not ok then return nil, message, code end
  local members = self.topics[topic] or {}
  self.topics[topic] = members
  if members[unit] then return true end
  members[#members + 1], members[unit] = unit, true
  owned(self, unit).topics[topic] = true
  return true
end

--- Takes it out; false when it was not in.
function Registry:leave(topic, unit)
  local ok, message, code = check(topic)
  if not ok then return nil, message, code end
  local mine = self.owned[unit]
  if mine then mine.topics[topic] = nil end
  return forget_topic(self, topic, unit)
end

--- The units of a topic, in the order in which they joined.
---@return table[]
function Registry:members(topic)
  return table.move(self.topics[topic] or {}, 1, #(self.topics[topic] or {}), 1, {})
end

return registry
