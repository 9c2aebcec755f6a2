-- Cron: the five fields of a crontab line, and when they hold next. Minute, hour, day of month, month, day of week;
-- "*", numbers, ranges, lists, steps, names of months and days; @hourly and its like. As in Vixie's cron, a day
-- matches if either day field does, unless one of them is "*".
--
-- The calendar is handed in as a function of the second, so that time zones are the caller's matter: calendar(t) ->
-- The calendar is handed in as a function of the second, so that time zones are for the caller to know: calendar(t) ->
-- time that is left out runs right after it; where it is put back, what has run does not run again. A line whose hour
-- is "*" follows the clock on the wall either way.

local suggest = require "luvisor.core.suggest"

local cron = {}

local MINUTE, HOUR = 60, 3600
local FAR = 8 * 366 * 24 * HOUR + 48 * HOUR -- from one 29th of February to the next, at most

local MONTHS = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" }
local DAYS = { [0] = "sun", "mon", "tue", "wed", "thu", "fri", "sat" }

local function numbers_of(names)
  local numbers = {}
  for number, name in pairs(names) do numbers[name] = number end
  return numbers
end

local FIELDS = {
  { key = "min", what = "minute", low = 0, high = 59 },
  { key = "hour", what = "hour", low = 0, high = 23 },
  { key = "day", what = "day of month", low = 1, high = 31 },
  { key = "month", what = "month", low = 1, high = 12, names = numbers_of(MONTHS) },
  { key = "wday", what = "day of week", low = 0, high = 7, names = numbers_of(DAYS) },
}

local SHORT = {
  ["@hourly"] = "0 * * * *", ["@daily"] = "0 0 * * *", ["@midnight"] = "0 0 * * *", ["@weekly"] = "0 0 * * 0",
  ["@monthly"] = "0 0 1 * *", ["@yearly"] = "0 0 1 1 *", ["@annually"] = "0 0 1 1 *",
}

-- ---- parsing

local function number_of(field, text)
  local number = field.names and field.names[text:lower()] or text:find "^%d+$" and tonumber(text)
  if number and number >= field.low and number <= field.high then return number end
  return nil, ("%s: expected %d to %d, got %q"):format(field.what, field.low, field.high, text)
end

-- "*", "5" or "1-5" -> first, last
local function range_of(field, text, has_step)
  if text == "*" then return field.low, field.key == "wday" and 6 or field.high end
  local from, to = text:match "^(%w+)%-(%w+)$"
  local first, message = number_of(field, from or text)
  if not first then return nil, message end
  if not to then return first, has_step and field.high or first end
  local last
  last, message = number_of(field, to)
  if not last then return nil, message end
  if last < first then return nil, ("%s: %s ends before it begins"):format(field.what, text) end
  return first, last
end

local function add_part(field, part, set)
  local text, step = part:match "^([^/]+)/(%d+)$"
  local width = step and tonumber(step) or 1
  if part:find("/", 1, true) and (not text or width == 0) then
    return nil, ("%s: not a step: %q"):format(field.what, part)
  end
  local first, last = range_of(field, text or part, step)
  if not first then return nil, last end
  for number = first, last, width do set[field.key == "wday" and number % 7 or number] = true end
  return true
end

local function parse_field(field, text)
  local set = { any = text:sub(1, 1) == "*" }
  for part in (text .. ","):gmatch "([^,]*)," do
    local ok, message = add_part(field, part, set)
    if not ok then return nil, message end
  end
  return set
end

local function never_comes(line)
  if not line.wday.any then return false end
  for month, days in pairs { [2] = 29, [4] = 30, [6] = 30, [9] = 30, [11] = 30 } do
    for day = 1, days do
      if line.month[month] and line.day[day] then return false end
    end
  end
  for _, month in ipairs { 1, 3, 5, 7, 8, 10, 12 } do
    if line.month[month] then return false end
  end
  return true
end

--- Reads a line.
---@param text string
---@return table|nil line
---@return string? message
function cron.parse(text)
  local short = text:match "^%s*(@%S*)%s*$"
  if short and not SHORT[short] then
    local known = {}
    for name in pairs(SHORT) do known[#known + 1] = name end
    table.sort(known)
    return nil, ("unknown %q%s"):format(short, suggest.hint(short, known))
  end
  local words = {}
  for word in (SHORT[short] or text):gmatch "%S+" do words[#words + 1] = word end
  if #words ~= #FIELDS then
    return nil, ("expected five fields (minute, hour, day, month, day of week), got %d"):format(#words)
  end
  local line = {}
  for i, field in ipairs(FIELDS) do
    local set, message = parse_field(field, words[i])
    if not set then return nil, message end
    line[field.key] = set
  end
  if never_comes(line) then return nil, "there is no such day" end
  return line
end

-- ---- matching

local function day_matches(line, at)
  if not line.month[at.month] then return false end
  local day, wday = line.day[at.day], line.wday[at.wday - 1]
  if line.day.any or line.wday.any then return day and wday end
  return day or wday
end

local function time_matches(line, hour, min)
  return line.hour[hour] and line.min[min]
end

-- Whether one of the minutes of a day from `first` up to, but not with, `last` is wanted.
local function any_between(line, first, last)
  for minute = first, last - 1 do
    if time_matches(line, minute // 60, minute % 60) then return true end
  end
  return false
end

-- Whether the clock showed the same an hour, or half of one, before.
local function is_repeated(calendar, t, at)
  for _, shift in ipairs { HOUR, HOUR / 2 } do
    local before = calendar(t - shift)
    if before.hour == at.hour and before.min == at.min then return true end
  end
  return false
end

-- ---- looking ahead

-- As far ahead as nothing can match for sure, but never over the end of a day or month.
local function leap(line, t, at)
  if not line.month[at.month] and at.day < 27 then return t + (27 - at.day) * 24 * HOUR end
  if at.hour < 22 then return t + (22 - at.hour) * HOUR end
  return t + HOUR - at.min * MINUTE
end

local function minute_of_day(at)
  return at.hour * 60 + at.min
end

-- A match before the hour is over, or right after it where the clock leaves time out; else nil and the next hour.
local function search_hour(line, calendar, t, at)
  local fixed = not line.hour.any
  for min = at.min, 59 do
    local then_ = t + (min - at.min) * MINUTE
    if time_matches(line, at.hour, min) and not (fixed and is_repeated(calendar, then_, calendar(then_))) then
      local real = calendar(then_)
      if real.hour == at.hour and real.min == min then return then_ end
    end
  end
  local following = t + HOUR - at.min * MINUTE
  local after = calendar(following)
  local expected, actual = (at.hour + 1) * 60, minute_of_day(after)
  if fixed and after.day == at.day and any_between(line, expected, actual) then return following end
  return nil, following
end

--- The first whole minute after the second `t` at which a line holds; nil if there is none within eight years.
---@param line table
---@param t number seconds since the epoch
---@param calendar fun(t: integer): table
---@return integer|nil
function cron.next(line, t, calendar)
  local limit = t + FAR
  t = t // MINUTE * MINUTE + MINUTE | 0
  while t <= limit do
    local at = calendar(t)
    if at.sec ~= 0 then t = t - at.sec end
    if day_matches(line, at) then
      local found, following = search_hour(line, calendar, t, at)
      if found then return found end
      t = following
    else
      t = leap(line, t, at)
    end
  end
end

return cron
