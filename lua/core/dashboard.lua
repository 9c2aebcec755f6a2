-- Dashboard: what `luvisor top` shows and what its keys mean, without a terminal: units, events and log lines go in,
-- keys too; out come actions for the host and a picture of so many columns and rows.
--
-- Modes: list (the keys act on the selected unit), confirm (y does what was asked, any other key does not), filter
-- (text narrows the list), help.

local dashboard_view = require "luvisor.core.dashboard_view"

local dashboard = {}

local KEPT = 200 -- events

---@class luvisor.Dashboard
local Dashboard = { __name = "luvisor.dashboard" }
Dashboard.__index = Dashboard

---@return luvisor.Dashboard
function dashboard.new()
  return setmetatable({
    mode = "list", units = {}, shown = {}, at = 1, top = 1, panel = "events", events = {}, lines = {}, filter = "",
    note = "",
  }, Dashboard)
end

-- ---- what goes in

local function keep(list, text)
  list[#list + 1] = text
  if #list > KEPT then table.remove(list, 1) end
end

local function choose(self)
  local selected = self:selected()
  self.shown = {}
  for _, unit in ipairs(self.units) do
    if self.filter == "" or unit.path:find(self.filter, 1, true) then self.shown[#self.shown + 1] = unit end
  end
  for i, unit in ipairs(self.shown) do
    if selected and unit.path == selected.path then self.at = i end
  end
  self.at = math.max(1, math.min(self.at, #self.shown))
end

--- Takes the units as they are now, depth first; the cpu of each becomes a share of the time since the last update.
---@param units table[] as from the method status
---@param now number seconds
function Dashboard:update(units, now)
  local before = self.cpu or {}
  local elapsed = self.updated and now - self.updated
  self.cpu = {}
  for _, unit in ipairs(units) do
    self.cpu[unit.path] = unit.cpu and { pid = unit.pid, seconds = unit.cpu }
    local last = before[unit.path]
    if unit.cpu and last and last.pid == unit.pid and elapsed and elapsed > 0 then
      unit.share = math.max(0, (unit.cpu - last.seconds) / elapsed)
    end
  end
  self.units, self.updated = units, now
  choose(self)
end

--- Takes a line for the panel of events.
---@param text string
function Dashboard:event(text)
  keep(self.events, text)
end

--- Takes the last lines of a unit's log; those of another unit than the one that is followed come too late.
---@param path string
---@param lines string[]
function Dashboard:set_lines(path, lines)
  if path == self.following then self.lines = lines end
end

--- Shows the events in place of a log.
function Dashboard:show_events()
  self.panel, self.following, self.lines = "events", nil, {}
end

--- Says something on the last row, until the next key.
---@param text string
function Dashboard:say(text)
  self.note = text
end

--- The unit under the cursor.
---@return table|nil
function Dashboard:selected()
  return self.shown[self.at]
end

-- ---- keys

local list_keys = {}

local function move(self, by)
  self.at = math.max(1, math.min(self.at + by, #self.shown))
end

-- the log that is shown follows the cursor
local function follow(self)
  local unit = self.panel == "log" and self:selected() or nil
  local path = unit and unit.path
  if path == self.following then return nil end
  self.following, self.lines = path, {}
  return { name = "follow", unit = path }
end

local function mover(by)
  return function(self)
    move(self, type(by) == "function" and by(self) or by)
    return follow(self)
  end
end

list_keys.up, list_keys.down, list_keys.k, list_keys.j = mover(-1), mover(1), mover(-1), mover(1)
list_keys["page-up"] = mover(function(self) return -(self.page or 10) end)
list_keys["page-down"] = mover(function(self) return self.page or 10 end)
list_keys.home = mover(function(self) return -#self.shown end)
list_keys["end"] = mover(function(self) return #self.shown end)
list_keys.g, list_keys.G = list_keys.home, list_keys["end"]

function list_keys.q() return { name = "quit" } end
list_keys["ctrl-c"] = list_keys.q

function list_keys.l(self)
  self.panel = self.panel == "log" and "events" or "log"
  return follow(self)
end

function list_keys.w(self)
  local unit = self:selected()
  return unit and { name = "why", unit = unit.path }
end

local function asker(name)
  return function(self)
    local unit = self:selected()
    if not unit then return end
    self.mode, self.asked = "confirm", { name = name, unit = unit.path }
  end
end

list_keys.s, list_keys.r, list_keys.S = asker "stop", asker "restart", asker "start"
list_keys["/"] = function(self) self.mode = "filter" end

function list_keys.escape(self)
  self.filter = ""
  choose(self)
  return follow(self)
end

list_keys["?"] = function(self) self.mode = "help" end
list_keys.h = list_keys["?"]

local modes = {}

function modes.list(self, key)
  local action = list_keys[key.text or key.name]
  return action and action(self)
end

function modes.confirm(self, key)
  local asked = self.asked
  self.mode, self.asked = "list", nil
  if key.text == "y" or key.name == "enter" then return asked end
end

function modes.filter(self, key)
  if key.name == "enter" then
    self.mode = "list"
  elseif key.name == "escape" or key.name == "ctrl-c" then
    self.mode, self.filter = "list", ""
  elseif key.name == "backspace" then
    self.filter = self.filter:gsub("[%z\1-\127\194-\244][\128-\191]*$", "")
  elseif key.name == "text" then
    self.filter = self.filter .. key.text
  end
  choose(self)
  return follow(self)
end

function modes.help(self)
  self.mode = "list"
end

--- Takes a key; what is to be done about it: { name = "quit"|"stop"|"start"|"restart"|"why"|"follow", unit = path }.
---@param key table of luvisor.Keys
---@return table|nil action
function Dashboard:press(key)
  self.note = ""
  return modes[self.mode](self, key) or nil
end

--- The picture: exactly `rows` lines, none wider than `columns`.
---@param columns integer
---@param rows integer
---@return string[]
function Dashboard:view(columns, rows)
  return dashboard_view.draw(self, columns, rows)
end

return dashboard
