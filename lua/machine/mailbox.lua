-- Mailbox: what has come for one generation of a worker; made when the first letter comes. Requests (calls and casts)
-- are served by the worker's handlers between two turns of its actor and while it waits in receive. Other messages
-- wait for a receive, or are served like requests where the definition has an `info` handler.
--
-- A letter is a row of values (see codec.copy) with what the mailbox must know of it:
--   kind             nil for a message, "cast", "call", or "info" for what the host itself says, which is always taken
--   task, number     the wait of a caller in this runtime, or
--   answer(...)      how anybody else is answered
-- A call that has no answer when the generation ends gets the exit for one. Units of other kinds that take letters
-- bring a `deliver` of their own.

local suggest = require "luvisor.core.lazy" "luvisor.core.suggest"

local BATCH = 64      -- requests served in one turn, so that others have theirs,
local SPAN = 0.005    -- and seconds, after which no other is begun in it

local mailbox = { CAPACITY = 1000 } -- letters, where nobody says otherwise

local unpack, rawget = table.unpack, rawget

--- What a handler returns to have its request again after the next change of state.
mailbox.POSTPONE = setmetatable({}, { __name = "luvisor.postpone", __tostring = function() return "postpone" end })

local POSTPONE = mailbox.POSTPONE

-- ---- answers

--- Why nothing can be delivered to a unit: nil, message, "DOWN", its last exit.
function mailbox.down(self, why)
  why = why or self.last_exit
  local text = why and ("%s is down: %s"):format(self:path(), tostring(why)) or self:path() .. " is not running"
  return nil, text, "DOWN", why
end

--- Answers a call; what its caller no longer waits for is dropped.
local function answer(env, letter, ...)
  if letter.answer then return letter.answer(...) end
  env.task.wake(letter.task, letter.number, ...)
end

mailbox.answer = answer

local function answer_copied(env, letter, ok, ...)
  if not ok then error(("reply to call %s: %s"):format(tostring(letter[1]), (...)), 0) end
  return answer(env, letter, ...)
end

local function reply(self, letter, ...)
  local env = self.env
  answer_copied(env, letter, env.codec.values(...))
end

-- ---- the box

local function open(self, instance)
  local settings = self.env.settings
  local box = {
    count = 0, limit = self.spec.mailbox or settings and settings.mailbox or mailbox.CAPACITY, received = 0,
    first = 1, last = 0, plain_first = 1, plain_last = 0, requests = {}, plain = {},
  }
  instance._box = box
  return box
end

--- The box of a worker that runs, or nil.
function mailbox.of(self)
  local instance = self.instance
  return instance and (rawget(instance, "_box") or open(self, instance))
end

--- Puts a letter in: true, or nil, message, CODE; the worker sees to it in its own time.
function mailbox.deliver(self, letter)
  local box = mailbox.of(self)
  if not box then return mailbox.down(self) end
  local kind = letter.kind
  if box.count >= box.limit and kind ~= "info" then return nil, "mailbox full", "EAGAIN" end
  box.count, box.received = box.count + 1, box.received + 1
  if box.trace then box.trace("in", kind or "message", letter) end
  local is_request = kind == "call" or kind == "cast" or self.spec.definition.on_info ~= nil
  if is_request then
    box.last = box.last + 1
    box.requests[box.last] = letter
  else
    box.plain_last = box.plain_last + 1
    box.plain[box.plain_last] = letter
  end
  self.env.task.mail(self.task, is_request)
  return true
end

local function next_request(box)
  local first = box.first
  local letter = box.requests[first]
  if not letter then return nil end
  box.requests[first] = nil
  if first == box.last then box.first, box.last = 1, 0 else box.first = first + 1 end
  box.count = box.count - 1
  return letter
end

-- ---- serving

local function handler_of(list, name, state)
  local found = list and list[name]
  return found and (found[state] or found.any)
end

local function unknown(self, letter)
  local name, definition = tostring(letter[1]), self.spec.definition
  local known = {}
  for one in pairs((letter.kind == "call" and definition.calls or definition.casts) or {}) do
    known[#known + 1] = tostring(one)
  end
  local text = ('no handler for %s "%s" in state %s%s'):format(letter.kind, name, self.state.name,
    suggest.hint(name, known))
  if letter.kind == "cast" then return self.env.log("warn", self, "%s", text) end
  mailbox.answer(self.env, letter, nil, self:path() .. ": " .. text, "NO_HANDLER")
end

local function postpone(box, letter)
  box.postponed = box.postponed or {}
  box.postponed[#box.postponed + 1] = letter
  box.count = box.count + 1
end

local function conclude(self, box, letter, first, ...)
  local event = box.event
  box.serving, box.event = nil, nil
  if first == POSTPONE then
    postpone(box, letter)
  elseif letter.kind ~= "call" then
    event = event or first
  elseif not (box.deferred and box.deferred[letter]) then
    reply(self, letter, first, ...)
  end
  if event ~= nil and event ~= "keepalive" then return event end
end

-- The event that follows from a request, or nil.
local function serve_one(self, instance, box, letter)
  local definition = self.spec.definition
  if letter.kind ~= "call" and letter.kind ~= "cast" then
    box.serving = letter
    return conclude(self, box, letter, definition.on_info(instance, unpack(letter, 1, letter.n)))
  end
  local list = letter.kind == "call" and definition.calls or definition.casts
  local handler = handler_of(list, letter[1], self.state.name)
  if not handler then return unknown(self, letter) end
  box.serving = letter
  return conclude(self, box, letter, handler(instance, unpack(letter, 2, letter.n)))
end

local function due_event(box)
  local event = box.due
  box.due = nil
  return event
end

--- An event that the worker takes at its next boundary, if it is still in the same state.
function mailbox.set_due(self, box, event)
  box.due = event
  self.env.task.mail(self.task, true)
end

--- Runs on the worker's coroutine, between two turns of its actor: an event, or "keepalive".
function mailbox.serve(instance)
  local self, box = instance._unit, rawget(instance, "_box")
  if not box then return "keepalive" end
  local event, now = due_event(box), self.env.now
  local began = box.last > box.first and now()
  for _ = 1, BATCH do
    local letter = not event and next_request(box)
    if not letter then break end
    event = serve_one(self, instance, box, letter)
    if box.last < box.first then break end
    began = began or now()
    if now() - began > SPAN then break end
  end
  if box.last >= box.first then self.env.task.mail(self.task, true) end
  return event or "keepalive"
end

-- ---- state timeouts

--- Calls off the one that is set.
function mailbox.cancel_state_timeout(self)
  local box = mailbox.of(self)
  self.env.cancel(box.state_timer)
  box.state_timer = nil
end

local function state_time_over(self, box)
  box.state_timer = nil
  if rawget(self.instance or {}, "_box") == box then mailbox.set_due(self, box, box.state_event) end
end

--- Has an event taken when the worker is still in this state so many seconds from now.
function mailbox.set_state_timeout(self, seconds, event)
  local box = mailbox.of(self)
  box.state_event = event
  box.state_timer = self.env.after(seconds, state_time_over, self, box)
end

-- ---- changes of state

--- The worker leaves its state: what was due in it is not any more.
function mailbox.leaves_state(self, box)
  box.due = nil
  if not box.state_timer then return end
  self.env.cancel(box.state_timer)
  box.state_timer = nil
end

--- The worker has another state: what was postponed comes before what has come since.
function mailbox.state_changed(self, box)
  local postponed = box.postponed
  if not postponed then return end
  box.postponed = nil
  local requests, waiting = box.requests, postponed
  for i = box.first, box.last do waiting[#waiting + 1] = requests[i] end
  box.requests, box.first, box.last = waiting, 1, #waiting
  self.env.task.mail(self.task, true)
end

-- ---- receive

--- Takes out the first message, looking on from `from`, for which test(letter) gives something: that, and what test
--- gave besides; nil and where to look on, where there is none.
function mailbox.take(box, from, test)
  local plain, last = box.plain, box.plain_last
  for i = math.max(from, box.plain_first), last do
    local letter = plain[i]
    local found, more = test(letter)
    if found then
      table.move(plain, box.plain_first, i - 1, box.plain_first + 1)
      plain[box.plain_first] = nil
      box.plain_first, box.count = box.plain_first + 1, box.count - 1
      if box.plain_first > last then box.plain_first, box.plain_last = 1, 0 end
      return found, more
    end
  end
  return nil, last + 1
end

--- Whether requests wait that may be served now, in the middle of a turn.
function mailbox.has_requests(box)
  return not box.serving and (box.due ~= nil or box.last >= box.first)
end

-- ---- the end

--- The generation ends: whoever waits for an answer is told why there is none.
function mailbox.close(self, box, why)
  self.env.cancel(box.state_timer)
  local open_calls = {}
  local function note(letter)
    if letter and letter.kind == "call" then open_calls[#open_calls + 1] = letter end
  end
  note(box.serving)
  for i = box.first, box.last do note(box.requests[i]) end
  for _, letter in ipairs(box.postponed or {}) do note(letter) end
  for letter in pairs(box.deferred or {}) do note(letter) end
  for _, letter in ipairs(open_calls) do mailbox.answer(self.env, letter, mailbox.down(self, why)) end
end

-- ---- answers that come later

--- The request that is being served is answered later, by mailbox.answer_deferred with what this returns.
function mailbox.defer(box)
  local letter = box.serving
  if not letter or letter.kind ~= "call" then return nil end
  box.deferred = box.deferred or {}
  box.deferred[letter] = true
  return letter
end

--- Answers such a call; false when it has its answer already.
function mailbox.answer_deferred(self, box, letter, ...)
  if not box or not box.deferred or not box.deferred[letter] then return false end
  box.deferred[letter] = nil
  reply(self, letter, ...)
  return true
end

return mailbox
