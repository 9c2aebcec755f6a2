-- Mailbox: what has come for one generation of a worker; made when the first letter comes. Requests (calls and casts)
-- are served by the worker's handlers between two turns of its actor and while it waits in receive. Other messages
-- wait for a receive, or are served like requests where the definition has an `info` handler.
--
-- Requests are in a queue (host.mailbox), which serves them: those of this runtime go there without a letter and
-- without any of this, once exchange.lua has said where an address leads. What is not plain comes here.
--
-- A letter is a row of values (see codec.copy) with what the mailbox must know of it:
--   kind             nil for a message, "cast", "call", or "info" for what the host itself says, which is always taken
--   task, number     the wait of a caller in this runtime, or
--   answer(...)      how anybody else is answered
-- A call that has no answer when the generation ends gets the exit for one. Units of other kinds that take letters
-- bring a `deliver` of their own.

local suggest = require "luvisor.core.lazy" "luvisor.core.suggest"

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

-- A request has failed in a receive. Where the worker caught that it goes on, and whoever waits for an answer is told
-- now; one that ends of it tells with its end.
local function close_served(box, failure)
  local self = box.unit
  if failure == nil or self.env.task.object() ~= self.instance then return end
  local letter = box.serving or box.queue:give_up()
  box.serving, box.event = nil, nil
  if not letter or letter.kind ~= "call" or box.deferred and box.deferred[letter] then return end
  answer(self.env, letter, nil, ("%s: %s"):format(self:path(), tostring(failure)), "FAILED")
end

local Box = { __close = close_served }

local function open(self, instance)
  local env = self.env
  local settings = env.settings
  local box = setmetatable({
    queue = env.mail.open(self.task, self, self.spec.mailbox or settings and settings.mailbox or mailbox.CAPACITY),
    plain_first = 1, plain_last = 0, plain = {}, unit = self,
  }, Box)
  instance._box, instance._queue, self.special = box, box.queue, true
  return box
end

--- The box of a worker that runs, or nil.
function mailbox.of(self)
  local instance = self.instance
  return instance and (instance._box or open(self, instance))
end

--- Puts a letter in: true, or nil, message, CODE; the worker sees to it in its own time.
function mailbox.deliver(self, letter)
  local box = mailbox.of(self)
  if not box then return mailbox.down(self) end
  local kind = letter.kind
  if not box.queue:enter(kind == "info") then return nil, "mailbox full", "EAGAIN" end
  if box.trace then box.trace("in", kind or "message", letter) end
  local is_request = kind == "call" or kind == "cast" or self.spec.definition.on_info ~= nil
  if is_request then
    box.queue:push(letter)
  else
    box.plain_last = box.plain_last + 1
    box.plain[box.plain_last] = letter
  end
  self.env.task.mail(self.task, is_request)
  return true
end

-- ---- serving: what the queue leaves to this. Each gives the event that follows, or nil.

local handlers = { postpone = POSTPONE }
mailbox.handlers = handlers

local function handler_of(list, name, state)
  local found = list and list[name]
  return found and (found[state] or found.any)
end

function handlers.unknown(instance, letter)
  local self = instance._unit
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
  box.queue:add_room(1)
end

local function conclude(self, box, letter, deferred, ...)
  local event, first = box.event, (...)
  box.event = nil
  if first == POSTPONE then
    postpone(box, letter)
  elseif letter.kind ~= "call" then
    event = event or first
  elseif not deferred then
    box.serving = letter -- until it has its answer: what cannot be sent is raised
    reply(self, letter, ...)
  end
  box.serving = nil
  if event ~= nil and event ~= "keepalive" then return event end
end

function handlers.conclude(instance, letter, ...)
  return conclude(instance._unit, instance._box, letter, ...)
end

local function after(self, box, letter, ...)
  return conclude(self, box, letter, box.deferred and box.deferred[letter], ...)
end

function handlers.letter(instance, letter)
  local self, box = instance._unit, instance._box
  local definition = self.spec.definition
  if letter.kind ~= "call" and letter.kind ~= "cast" then
    box.serving = letter
    return after(self, box, letter, definition.on_info(instance, unpack(letter, 1, letter.n)))
  end
  local list = letter.kind == "call" and definition.calls or definition.casts
  local handler = handler_of(list, letter[1], self.state.name)
  if not handler then return handlers.unknown(instance, letter) end
  box.serving = letter
  return after(self, box, letter, handler(instance, unpack(letter, 2, letter.n)))
end

function handlers.due(instance)
  local box = instance._box
  local event = box.due
  box.due = nil
  return event
end

--- An event that the worker takes at its next boundary, if it is still in the same state.
function mailbox.set_due(self, box, event)
  box.due = event
  box.queue:set_due()
  self.env.task.mail(self.task, true)
end

--- An event that the worker takes after the request that is being served; at its next boundary where none is.
function mailbox.set_event(self, box, event)
  if not box.serving and not box.queue:note() then return mailbox.set_due(self, box, event) end
  box.event = event
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

local function is_serving(box)
  return box.serving or select(2, box.queue:waiting())
end

--- The worker leaves its state: what was due in it is not any more.
function mailbox.leaves_state(self, box)
  box.due = nil
  if not box.state_timer then return end
  self.env.cancel(box.state_timer)
  box.state_timer = nil
end

--- The worker has another state: what was postponed comes before what has come since.
function mailbox.state_changed(self, box)
  local waiting, queue = box.postponed, box.queue
  if not waiting or is_serving(box) then return end -- one that failed while it served only ends
  box.postponed = nil
  for letter in queue.take, queue do waiting[#waiting + 1] = letter end
  for _, letter in ipairs(waiting) do queue:push(letter) end
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
      box.plain_first = box.plain_first + 1
      box.queue:add_room(-1)
      if box.plain_first > last then box.plain_first, box.plain_last = 1, 0 end
      return found, more
    end
  end
  return nil, last + 1
end

--- Whether requests wait that may be served now, in the middle of a turn.
function mailbox.has_requests(box)
  return not is_serving(box) and (box.due ~= nil or box.queue:waiting() > 0)
end

-- ---- the end

--- The generation ends: whoever waits for an answer is told why there is none.
function mailbox.close(self, box, why)
  self.env.cancel(box.state_timer)
  local open_calls, noted = {}, {}
  local function note(letter)
    if not letter or letter.kind ~= "call" or noted[letter] then return end -- one may be served, and deferred
    open_calls[#open_calls + 1], noted[letter] = letter, true
  end
  local queue = box.queue
  note(box.serving or queue:give_up())
  for letter in queue.take, queue do note(letter) end
  queue:close()
  for _, letter in ipairs(box.postponed or {}) do note(letter) end
  for letter in pairs(box.deferred or {}) do note(letter) end
  for _, letter in ipairs(open_calls) do mailbox.answer(self.env, letter, mailbox.down(self, why)) end
end

-- ---- answers that come later

--- The request that is being served is answered later, by mailbox.answer_deferred with what this returns.
function mailbox.defer(box)
  local letter = box.serving or box.queue:defer()
  if not letter or letter.kind ~= "call" then return nil end
  box.deferred = box.deferred or {}
  box.deferred[letter] = true
  return letter
end

--- Answers such a call; false when it has its answer already.
function mailbox.answer_deferred(self, box, letter, ...)
  if not box or not box.deferred or not box.deferred[letter] then return false end
  reply(self, letter, ...)
  box.deferred[letter] = nil
  return true
end

return mailbox
