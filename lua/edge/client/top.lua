-- Client, top: `luvisor top`: the dashboard of a running host on the whole screen. Asks for the units once a second,
-- draws what has changed, and sends what the keys order.

local client = require "luvisor.edge.client"
local dashboard = require "luvisor.core.dashboard"
local runtime = require "host.runtime"
local terminal = require "luvisor.edge.terminal"
local units = require "luvisor.core.units"

local top = {}

local EVERY, LINES, PATIENCE = 1, 100, 60 -- seconds, lines of a log, seconds
local SCREEN_ON, SCREEN_OFF = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l"
local HOME, TO_END = "\27[H", "\27[K"

-- ---- the screen

local function draw(self)
  local columns, rows = self.terminal:size()
  local lines = self.dashboard:view(columns, rows)
  self.terminal:write(HOME .. table.concat(lines, TO_END .. "\r\n") .. TO_END)
end

local function leave(self, code, message)
  if self.over then return end
  self.over = true
  runtime.cancel(self.timer)
  self.terminal:write(SCREEN_OFF)
  self.terminal:close()
  client.quit(code, message)
end

-- ---- what the host says

local function detail_of(event)
  if event.from then return ("%s -> %s (%s)"):format(event.from, event.to, event.event) end
  local why = event.exit and event.exit.text or event.state or ""
  return event.delay and ("%s, in %s"):format(why, units.text(event.delay)) or why
end

local function on_event(self, event)
  local time = event.time:match "T(%d+:%d+:%d+)" or event.time
  self.dashboard:event(("%s %-10s %s %s"):format(time, event.kind, event.unit, detail_of(event)))
end

local function fetch_log(self)
  local path = self.dashboard.following
  if not path then return end
  self.client:call("logs", { units = { path }, lines = LINES }, function(result)
    if not result then return end
    local lines = {}
    for _, stream in ipairs(result.streams) do table.move(stream.lines, 1, #stream.lines, #lines + 1, lines) end
    self.dashboard:set_lines(path, lines)
    draw(self)
  end)
end

local function refresh(self)
  if self.over then return end
  self.client:call("status", { usage = true }, function(result, message)
    if self.over then return end
    if result then self.dashboard:update(result.units, runtime.now()) else self.dashboard:say(message) end
    draw(self)
    self.timer = runtime.after(EVERY, refresh, self)
  end)
  fetch_log(self)
end

-- ---- what the keys order

local orders = {}

function orders.quit(self) leave(self, client.codes.DONE) end
function orders.follow(self) fetch_log(self) end

function orders.why(self, order)
  self.client:call("why", { units = { order.unit } }, function(result, message)
    local about = result and result.units[1]
    for _, entry in ipairs(about and about.entries or {}) do
      self.dashboard:event(("%s: %s%s"):format(order.unit, entry.text, entry.by and " (" .. entry.by .. ")" or ""))
    end
    self.dashboard:show_events()
    self.dashboard:say(message or ("%s is %s%s"):format(order.unit, about.unit.state,
      about.unit.why and ": " .. about.unit.why or ""))
    draw(self)
  end)
end

local function change(self, order)
  self.dashboard:say(("%s %s ..."):format(order.name, order.unit))
  self.client:call(order.name, { units = { order.unit } }, function(result, message)
    local outcome = result and result.units[1] or { message = message }
    self.dashboard:say(outcome.ok and ("%s: %s"):format(order.unit, outcome.state)
      or ("%s %s: %s"):format(order.name, order.unit, tostring(outcome.message)))
    draw(self)
  end, PATIENCE)
end

local function on_key(self, key)
  local order = self.dashboard:press(key)
  if order then (orders[order.name] or change)(self, order) end
  if not self.over then draw(self) end
end

-- ---- from beginning to end

local function begin(self)
  local message
  self.terminal, message = terminal.open {
    on_key = function(key) on_key(self, key) end,
    on_end = function() leave(self, client.codes.DONE) end,
    on_resize = function() draw(self) end,
  }
  if not self.terminal then return client.quit(client.codes.FAILED, message) end
  self.terminal:write(SCREEN_ON)
  self.client.leaving = function() leave(self, client.codes.NO_HOST, "the host is gone") end
  self.client:on("event", function(event) on_event(self, event) end)
  self.client:call("events", {}, function() end)
  refresh(self)
end

--- Shows the dashboard until the user has had enough, or the host is gone.
---@param _ string[]
---@param options table
---@return integer|nil
function top.call(_, options)
  if not terminal.is_there() then
    return client.misused "top needs a terminal; `luvisor status` and `luvisor events` do not"
  end
  return client.connect(options, function(connected)
    begin { client = connected, dashboard = dashboard.new() }
  end)
end

return top
