-- Inspection: looking into a worker, and holding it, from outside; the worker itself does nothing for it.
--
-- A worker that is suspended gets no turn from its next boundary on: its letters wait, its deadlines stand still. A
-- stop resumes it.

local mailbox = require "luvisor.machine.message.mailbox"

local KEPT, MOST_KEPT = 10, 1000 -- letters, where nobody says otherwise, and at most

local inspection = {}

--- What handles offer of this.
inspection.names = { "suspend", "resume", "get_state", "replace_state", "statistics", "trace", "letters" }

local function not_running(self)
  return nil, self:path() .. " is not running", "NOT_RUNNING"
end

--- Suspends a worker: true, and whether it stands at a boundary already.
function inspection.suspend(self)
  if not self.instance or not self.task then return not_running(self) end
  return true, self.env.task.hold(self.task)
end

--- Lets it go on.
function inspection.resume(self)
  if not self.instance or not self.task then return not_running(self) end
  self.env.task.release(self.task)
  return true
end

--- The worker's state and a copy of its data.
function inspection.get_state(self)
  local instance = self.instance
  if not instance then return not_running(self) end
  local copies, message, code = self.env.codec.copy(instance.data)
  if not copies then return nil, "data: " .. message, code end
  return self.state and self.state.name or "idle", copies[1]
end

--- Puts fn(data) in place of the worker's data, between two of its turns or while it waits; an error in fn changes
--- nothing.
function inspection.replace_state(self, fn)
  local instance = self.instance
  if not instance then return not_running(self) end
  local ok, data = pcall(fn, instance.data)
  if not ok then return nil, tostring(data), "EINVAL" end
  instance.data = data
  return true
end

--- What the worker has said and heard: letters that came, that wait, and that it sent.
function inspection.statistics(self)
  local instance, received, waiting, sent = self.instance, 0, 0, 0
  local box = instance and rawget(instance, "_box")
  if box then received, waiting = box.queue:statistics() end
  if instance then sent = (rawget(instance, "_sent") or 0) + self.env.task.sent(self.task) end
  return { generation = self.generation, restarts = self.restarts or 0, uptime = self.ready_at and
    self.env.now() - self.ready_at or 0, received = received, waiting = waiting, sent = sent }
end

local function log_letter(self)
  return function(_, kind, letter)
    local words = {}
    for i = 1, letter.n do words[i] = tostring(letter[i]) end
    self.env.log("info", self, "%s: %s", kind, table.concat(words, ", "))
  end
end

-- What goes wrong with who looks on is no fault of the sender.
local function tell(self, told, way, kind, letter)
  local ok, message = pcall(told, way, kind, letter)
  if not ok then self.env.log("error", self, "trace: %s", tostring(message)) end
end

-- A box has one onlooker, which serves both that a handle may want.
local function look_on(self, box)
  local told, ring = box.told, box.ring
  box.trace = (told or ring) and function(way, kind, letter)
    if told then tell(self, told, way, kind, letter) end
    if ring then ring[#ring + 1] = { kind = kind, at = ring.now(), table.unpack(letter, 1, letter.n) } end
    if ring and #ring > ring.limit then table.remove(ring, 1) end
  end
  box.queue:watch(box.trace)
  return true
end

--- Has every letter logged, or fn("in", kind, letter) called; false ends it. For this generation.
function inspection.trace(self, fn)
  local box = mailbox.of(self)
  if not box then return not_running(self) end
  box.told = fn ~= false and (type(fn) == "function" and fn or log_letter(self)) or nil
  return look_on(self, box)
end

--- The last letters that came, the oldest first: rows with their kind and when. They are kept from the first time that
--- this is asked on: `limit` (10) of them, 1000 at most; false ends it. For this generation.
---@param limit? integer|false
function inspection.letters(self, limit)
  local box = mailbox.of(self)
  if not box then return not_running(self) end
  local ring = box.ring or { now = self.env.now }
  ring.limit = math.min(math.max(limit or ring.limit or KEPT, 1), MOST_KEPT)
  box.ring = limit ~= false and ring or nil
  look_on(self, box)
  if not box.ring then return {} end
  while #ring > ring.limit do table.remove(ring, 1) end
  return table.move(ring, 1, #ring, 1, {})
end

return inspection
