-- Dashboard view: the picture of a dashboard: a line about the whole, the units as a tree, a panel with events or the
-- selected unit's log, and the keys.

local width = require "luvisor.core.width"

local dashboard_view = {}

local BOLD, INVERSE, DIM, PLAIN = "\27[1m", "\27[7m", "\27[2m", "\27[0m"
local RED, YELLOW, GREEN = "\27[31m", "\27[33m", "\27[32m"

local COLOURS = {
  FATAL = RED, UNHEALTHY = RED, crashed = RED, BACKOFF = YELLOW, WAITING = YELLOW, STARTING = YELLOW,
  STOPPING = YELLOW, STOPPED = DIM, EXITED = DIM,
}

local KEYS = "q quit  s stop  S start  r restart  l log/events  w why  / filter  ? help"
local HELP = {
  "up down, k j       the unit above or below      page-up page-down, g G   further",
  "s  stop            S  start            r  restart    (asks first)",
  "l  the log of the unit in place of the events   w  why it is in its state",
  "/  only units with this text in their path; escape shows all again",
  "q  quit            any key leaves this help",
}

local function fit(text, columns)
  return width.pad(width.cut(text:gsub("[%c\127]", " "), columns), columns)
end

local function size_text(bytes)
  if not bytes then return "" end
  if bytes < 1024 * 1024 then return ("%.0fK"):format(bytes / 1024) end
  if bytes < 1024 * 1024 * 1024 then return ("%.1fM"):format(bytes / 1024 / 1024) end
  return ("%.1fG"):format(bytes / 1024 / 1024 / 1024)
end

-- Short enough for its column; units.text is for sentences.
local function uptime_text(seconds)
  if not seconds then return "" end
  local whole = math.floor(seconds)
  if whole < 60 then return whole .. "s" end
  if whole < 3600 then return ("%dm%02ds"):format(whole // 60, whole % 60) end
  if whole < 86400 then return ("%dh%02dm"):format(whole // 3600, whole // 60 % 60) end
  return ("%dd%02dh"):format(whole // 86400, whole // 3600 % 24)
end

local function share_text(share)
  return share and ("%.0f%%"):format(100 * share) or ""
end

-- ---- the parts

local function count(self)
  local up, fatal = 0, 0
  for _, unit in ipairs(self.units) do
    if unit.running then up = up + 1 end
    if unit.state == "FATAL" then fatal = fatal + 1 end
  end
  return up, fatal
end

local function header(self, columns)
  local up, fatal = count(self)
  local root = self.units[1]
  local text = (" %s   %d units, %d up%s%s"):format(root and root.path or "luvisor", #self.units, up,
    fatal > 0 and (", %d FATAL"):format(fatal) or "", self.filter ~= "" and "   with " .. self.filter or "")
  return INVERSE .. fit(text, columns) .. PLAIN
end

local NUMBERS = "%8s %8s %8s %5s %8s"

local function name_of(self, unit)
  if self.filter ~= "" then return " " .. unit.path end
  return " " .. ("  "):rep(unit.depth or 0) .. unit.name
end

-- as wide as the names are, within reason
local function name_columns(self, columns)
  local widest = 12
  for _, unit in ipairs(self.shown) do widest = math.max(widest, width.of(name_of(self, unit)) + 1) end
  return math.min(widest, 40, math.max(12, columns - 55))
end

local function titles(self, columns)
  local text = width.pad(" UNIT", name_columns(self, columns)) .. width.pad(" STATE", 13) ..
    NUMBERS:format("PID", "UPTIME", "RESTARTS", "CPU", "MEMORY") .. "  WHY"
  return BOLD .. fit(text, columns) .. PLAIN
end

local function row(self, unit, columns)
  local name = name_of(self, unit)
  local numbers = NUMBERS:format(unit.pid or "", uptime_text(unit.uptime), unit.restarts or 0, share_text(unit.share),
    size_text(unit.memory))
  local first, second = name_columns(self, columns), fit(" " .. unit.state, 13)
  local rest = fit(numbers .. "  " .. (unit.why or ""), columns - first - 13)
  if unit == self:selected() then return INVERSE .. fit(name, first) .. second .. rest .. PLAIN end
  local colour = COLOURS[unit.state] or unit.ready and GREEN or ""
  return fit(name, first) .. colour .. second .. PLAIN .. rest
end

-- the part of the list that holds the cursor
local function scroll(self, room)
  self.page = room
  if self.at < self.top then self.top = self.at end
  if self.at >= self.top + room then self.top = self.at - room + 1 end
  self.top = math.max(1, math.min(self.top, #self.shown - room + 1))
end

local function add_list(self, lines, columns, room)
  scroll(self, room)
  for i = self.top, self.top + room - 1 do
    local unit = self.shown[i]
    lines[#lines + 1] = unit and row(self, unit, columns) or ""
  end
end

local function add_panel(self, lines, columns, room)
  local list, title = self.events, "events"
  if self.panel == "log" then list, title = self.lines, "log of " .. (self.following or "nothing") end
  if self.mode == "help" then list, title = HELP, "help" end
  local head = ("\u{2500}\u{2500} %s "):format(title)
  lines[#lines + 1] = DIM .. fit(head .. ("\u{2500}"):rep(columns - width.of(head)), columns) .. PLAIN
  local first = self.mode == "help" and 1 or math.max(1, #list - room + 1)
  for i = first, first + room - 1 do lines[#lines + 1] = list[i] and fit(list[i], columns) or "" end
end

local function footer(self, columns)
  local asked = self.asked
  if asked then return BOLD .. fit(("%s %s? y/n"):format(asked.name, asked.unit), columns) .. PLAIN end
  if self.mode == "filter" then return fit("/" .. self.filter .. "_", columns) end
  return self.note ~= "" and fit(self.note, columns) or DIM .. fit(KEYS, columns) .. PLAIN
end

--- Draws the dashboard.
---@param self luvisor.Dashboard
---@param columns integer
---@param rows integer
---@return string[]
function dashboard_view.draw(self, columns, rows)
  local room = math.max(2, rows - 4)
  local panel = math.max(1, room // 3)
  local lines = { header(self, columns), titles(self, columns) }
  add_list(self, lines, columns, room - panel)
  add_panel(self, lines, columns, panel)
  lines[#lines + 1] = footer(self, columns)
  return #lines <= rows and lines or table.move(lines, 1, rows, 1, {})
end

return dashboard_view
