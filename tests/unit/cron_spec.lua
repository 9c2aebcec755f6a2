-- SPDX-License-Identifier: Apache-2.0
-- When a line of a crontab holds next, in UTC and where clocks are put forward and back.

local cron = require "luvisor.core.cron"

local function utc(t) return os.date("!*t", t) end

-- Berlin in 2026: forward on 29 March, back on 25 October, both at 01:00 UTC.
local FORWARD, BACK = 1774746000, 1792890000
local function berlin(t)
  return os.date("!*t", t + ((t >= FORWARD and t < BACK) and 7200 or 3600))
end

local function second(text)
  local year, month, day, hour, min = text:match "^(%d+)-(%d+)-(%d+) (%d+):(%d+)"
  local days = 0
  for y = 1970, year - 1 do days = days + ((y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0)) and 366 or 365) end
  local lengths = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
  if year % 4 == 0 then lengths[2] = 29 end
  for m = 1, month - 1 do days = days + lengths[m] end
  return ((days + day - 1) * 24 + hour) * 3600 + min * 60
end

local function list(line, from, count, calendar)
  local parsed, t, found = assert(cron.parse(line)), second(from), {}
  for i = 1, count do
    t = cron.next(parsed, t, calendar or utc)
    found[i] = t and os.date("!%Y-%m-%d %H:%M", t) or "never"
  end
  return table.concat(found, ", ")
end

describe("cron", function()
  for _, case in ipairs {
    { "*/20 * * * *", "2026-11-21 12:00", "2026-11-21 12:20, 2026-11-21 12:40, 2026-11-21 13:00" },
    { "5 0 * * *", "2026-12-31 00:05", "2027-01-01 00:05, 2027-01-02 00:05, 2027-01-03 00:05" },
    { "0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00, 2032-02-29 00:00, 2036-02-29 00:00" },
    { "30 4 1,15 * *", "2026-11-21 12:00", "2026-12-01 04:30, 2026-12-15 04:30, 2027-01-01 04:30" },
    { "0 12 * * mon-fri", "2026-11-20 12:00", "2026-11-23 12:00, 2026-11-24 12:00, 2026-11-25 12:00" },
    { "0 0 13 * fri", "2026-11-01 00:00", "2026-11-06 00:00, 2026-11-13 00:00, 2026-11-20 00:00" },
    { "0 0 * * 7", "2026-11-21 00:00", "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00" },
    { "0 22-23 31 12 *", "2026-11-21 00:00", "2026-12-31 22:00, 2026-12-31 23:00, 2027-12-31 22:00" },
    { "50/5 9 * jan *", "2026-11-21 00:00", "2027-01-01 09:50, 2027-01-01 09:55, 2027-01-02 09:50" },
    { "@hourly", "2026-11-21 00:30", "2026-11-21 01:00, 2026-11-21 02:00, 2026-11-21 03:00" },
    { "@monthly", "2026-11-21 00:30", "2026-12-01 00:00, 2027-01-01 00:00, 2027-02-01 00:00" },
  } do
    it(("%s after %s"):format(case[1], case[2]), function() assert.equal(case[3], list(case[1], case[2], 3)) end)
  end

  it("agrees with a search minute by minute", function()
    for _, line in ipairs { "*/7 3-5 * * *", "0 0 1 */3 *", "15,45 */6 10-20 * sat", "59 23 28-31 2,12 *" } do
      local parsed, t = assert(cron.parse(line)), second "2027-01-30 22:17"
      for _ = 1, 3 do
        local found = cron.next(parsed, t, utc)
        for minute = t // 60 * 60 + 60, math.min(found - 60, t + 8 * 86400), 60 do
          local at = utc(minute)
          local day, wday = parsed.day[at.day], parsed.wday[at.wday - 1]
          local both = parsed.day.any or parsed.wday.any
          local on_day = both and day and wday or not both and (day or wday)
          assert.is_falsy(on_day and parsed.month[at.month] and parsed.hour[at.hour] and parsed.min[at.min])
        end
        t = found
      end
    end
  end)

  it("runs what the clock leaves out right after it, once", function() -- in UTC: local time is an hour or two ahead
    assert.equal("2026-03-28 01:30, 2026-03-29 01:00, 2026-03-30 00:30",
      list("30 2 * * *", "2026-03-27 12:00", 3, berlin))
    assert.equal("2026-03-29 01:00, 2026-03-29 01:30, 2026-03-30 00:00",
      list("*/30 2,3 29-31 3 *", "2026-03-29 00:59", 3, berlin))
    assert.equal("2026-03-29 00:45, 2026-03-29 01:45", list("45 * * * *", "2026-03-29 00:00", 2, berlin))
  end)

  it("does not run again what the clock repeats, unless it follows every hour", function()
    assert.equal("2026-10-24 00:30, 2026-10-25 00:30, 2026-10-26 01:30",
      list("30 2 * * *", "2026-10-23 12:00", 3, berlin))
    assert.equal("2026-10-25 00:30, 2026-10-25 01:30, 2026-10-25 02:30",
      list("30 * * * *", "2026-10-24 23:59", 3, berlin))
  end)

  for _, case in ipairs {
    { "* * * *", "expected five fields (minute, hour, day, month, day of week), got 4" },
    { "60 * * * *", 'minute: expected 0 to 59, got "60"' },
    { "* 9-5 * * *", "hour: 9-5 ends before it begins" },
    { "*/0 * * * *", 'minute: not a step: "*/0"' },
    { "* * * foo *", 'month: expected 1 to 12, got "foo"' },
    { "1,,2 * * * *", 'minute: expected 0 to 59, got ""' },
    { "0 0 31 2,4 *", "there is no such day" },
    { "@houry", 'unknown "@houry", did you mean "@hourly"?' },
  } do
    it("refuses " .. case[1], function()
      local line, message = cron.parse(case[1])
      assert.is_nil(line)
      assert.equal(case[2], message)
    end)
  end
end)
