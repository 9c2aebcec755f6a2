-- SPDX-License-Identifier: Apache-2.0
-- Runs the drivers of the three sides in turn, round after round, and prints medians and their ratios.
-- usage: luvisor lua run.lua --ebin DIR --limits PROGRAM [--rounds N] [FIGURE...]

local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path

local figures = require "figures"
local request = require "request"
local uv = require "luv"

local ROUNDS, PATIENCE = 5, 120 -- seconds for one driver
local TITLES = { luvisor = "luvisor", otp = "OTP", limit = "Lua+C limit" }

local settings = { rounds = ROUNDS }
local failures = {}

-- ---- the drivers' command lines

local function erlang(figure, arguments)
  local command = { "erl", "-noshell", "+P", "2000000" }
  table.move(figure.flags or {}, 1, #(figure.flags or {}), #command + 1, command)
  for _, word in ipairs { "-pa", settings.ebin, "-kernel", "logger_level", "none", "-s", "bench", "main", "-extra" } do
    command[#command + 1] = word
  end
  command[#command + 1] = figure.driver or figure.name
  return table.move(arguments, 1, #arguments, #command + 1, command)
end

local commands = { otp = erlang }

function commands.luvisor(figure, arguments)
  local driver = ("%s/luvisor/%s.lua"):format(here, figure.driver or figure.name)
  return table.move(arguments, 1, #arguments, 4, { uv.exepath(), "lua", driver })
end

function commands.limit(figure, arguments)
  return table.move(arguments, 1, #arguments, 3, { settings.limits, figure.driver or figure.name })
end

-- What is timed from outside, by how long it takes to its first output.
local from_outside = {
  luvisor = function() return { uv.exepath(), "run", "--log-level", "none", here .. "/luvisor/cold_tree.lua" } end,
  otp = function() return erlang({ name = "cold" }, {}) end,
  limit = function() return { settings.limits, "cold", "1" } end,
}

local function command_of(figure, side)
  if figure.name ~= "cold" then return commands[side](figure, figure.arguments) end
  local command = { uv.exepath(), "lua", here .. "/first_output.lua", figure.arguments[1] }
  local timed = from_outside[side]()
  return table.move(timed, 1, #timed, #command + 1, command)
end

-- ---- running them

local function collect(stream, into)
  stream:read_start(function(_, chunk)
    if chunk then into[#into + 1] = chunk else stream:close() end
  end)
end

local function spawn(command, on_end)
  local out, err = uv.new_pipe(false), uv.new_pipe(false)
  local said, complained = {}, {}
  local limit, handle = uv.new_timer(), nil
  local words = {}
  for i = 2, #command do words[i - 1] = tostring(command[i]) end
  handle = assert(uv.spawn(command[1], { args = words, stdio = { nil, out, err } }, function(code, signal)
    handle:close()
    limit:close()
    uv.run "nowait" -- what is still in the pipes
    on_end(code == 0 and signal == 0, table.concat(said), table.concat(complained))
  end))
  limit:start(PATIENCE * 1000, 0, function() handle:kill "sigkill" end)
  collect(out, said)
  collect(err, complained)
end

local function read_figures(text)
  local values = {}
  for key, value in text:gmatch "([%w_.]+)\t([^\t\n]+)\t[^\t\n]*\n" do values[key] = tonumber(value) end
  return values
end

-- ---- what was found

local results = {} -- figure -> side -> key -> list of values

local function note(figure, side, values)
  local by_side = results[figure.name] or {}
  results[figure.name] = by_side
  by_side[side] = by_side[side] or {}
  for _, row in ipairs(figure.rows) do
    local list = by_side[side][row.key] or {}
    by_side[side][row.key] = list
    list[#list + 1] = values[row.key]
  end
end

local function is_complete(figure, values)
  for _, row in ipairs(figure.rows) do
    if not values[row.key] then return false end
  end
  return true
end

local function median(list)
  if not list or #list == 0 then return nil end
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  return #sorted % 2 == 1 and sorted[middle] or (sorted[middle] + sorted[middle + 1]) / 2
end

local function number(value)
  if not value then return "-" end
  if value >= 1000 then return ("%.0f"):format(value) end
  return ("%.3g"):format(value)
end

local function times(value, other)
  return value and other and number(value / other) .. "x" or "-"
end

local function verdict(row, value, ratio)
  local goal, reached = row.ratio or row.value, row.ratio and ratio or value
  if not goal then return "", "" end
  local text = ("%s %s%s"):format(row.at_least and ">=" or "<=", number(goal), row.ratio and "x" or " " .. row.unit)
  if not reached then return text, "?" end
  local is_reached = reached <= goal
  if row.at_least then is_reached = reached >= goal end
  return text, is_reached and "yes" or "NO"
end

local FORMAT = "%-24s %4s %10s %10s %10s %10s %10s %10s  %s"

local function print_row(figure, row)
  local found = results[figure.name] or {}
  local value = median((found.luvisor or {})[row.key])
  local otp, limit = median((found.otp or {})[row.key]), median((found.limit or {})[row.key])
  local goal, reached = verdict(row, value, value and otp and value / otp)
  print(FORMAT:format("  " .. row.title, row.unit, number(value), number(otp), times(value, otp), goal, number(limit),
    times(value, limit), reached))
end

local function print_table(chosen)
  print(FORMAT:format("", "", "luvisor", "OTP", "of OTP's", "to reach", "limit", "of limit's", "reached"))
  for _, figure in ipairs(chosen) do
    print(figure.title)
    for _, row in ipairs(figure.rows) do print_row(figure, row) end
  end
end

-- ---- all of it

local function jobs_of(chosen)
  local jobs = {}
  for round = 1, settings.rounds do
    for _, figure in ipairs(chosen) do
      for _, side in ipairs(figure.sides) do
        jobs[#jobs + 1] = { figure = figure, side = side, round = round }
      end
    end
  end
  return jobs
end

local function finish(chosen)
  print_table(chosen)
  for _, failure in ipairs(failures) do io.stderr:write(failure, "\n") end
  os.exit(#failures == 0 and 0 or 1)
end

local function run_next(chosen, jobs, at)
  local job = jobs[at]
  if not job then return finish(chosen) end
  io.stderr:write(("round %d of %d: %s, %s\n"):format(job.round, settings.rounds, job.figure.title, TITLES[job.side]))
  spawn(command_of(job.figure, job.side), function(ok, text, complaint)
    local values = read_figures(text)
    if ok and is_complete(job.figure, values) then
      note(job.figure, job.side, values)
    else
      failures[#failures + 1] = ("%s failed on %s: %s%s"):format(job.figure.name, job.side, text, complaint)
    end
    run_next(chosen, jobs, at + 1)
  end)
end

local chosen = request.read(figures, settings)
run_next(chosen, jobs_of(chosen), 1)
