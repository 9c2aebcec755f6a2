-- SPDX-License-Identifier: Apache-2.0
-- Runs the driver for every system that is installed, in turn, round after round, and prints medians: what luvisor
-- needs, what it is of the limit's and of supervisord's, and what is to be reached.
-- usage: luvisor lua run.lua --limits DIR [--rounds N] [FIGURE...]

local here = arg[0]:match "^(.*)/" or "."
package.path = ("%s/?.lua;%s/../?.lua;%s"):format(here, here, package.path)

local request = require "request"
local systems = require "systems"
local uv = require "luv"

local SIDES = { "luvisor", "limit", "supervisord", "runit", "s6" }

-- name, title, arguments of the driver, and rows: key, title, and what is to be reached of the limit's or of
-- supervisord's; `few` are the samples of who is slow by design. What is the same each time has `rounds` of its own.
local figures = {
  { name = "program_restart", figure = "restart", title = "kill -9 to the replacement running",
    arguments = { 10, 100 }, few = 5,
    rows = { { "restart.p50", "p50, ms", limit = 1.5 }, { "restart.p99", "p99, ms", limit = 3 } } },
  { name = "program_start", figure = "start", title = "500 programs started", arguments = { 500 },
    rows = { { "start.time", "each, us", limit = 1.3 } } },
  { name = "program_stop", figure = "stop", title = "500 programs stopped", arguments = { 500 },
    rows = { { "stop.time", "each, us", limit = 1.5 } } },
  { name = "program_memory", figure = "memory", title = "memory with 500 programs", arguments = { 500 }, fewer = 100,
    rounds = 1,
    rows = { { "memory.all", "all, MB", supervisord = 0.3 }, { "memory.each", "each above 100, KiB" } } },
  { name = "program_idle", figure = "idle", title = "500 idle programs", arguments = { 500, 10 }, rounds = 1,
    rows = { { "idle.cpu", "of one CPU, %" }, { "idle.wakes", "wake-ups, 1/s" } } },
  { name = "program_status", figure = "status", title = "status of 500", arguments = { 500, 10 }, no_limit = true,
    rows = { { "status.time", "ms" } } },
}
for _, bytes in ipairs { 65536, 4096, 64 } do
  figures[#figures + 1] = { name = "program_log_" .. bytes, figure = "log", title = bytes .. " B writes into a log",
    arguments = { 1, bytes, bytes == 64 and 100000000 or 1000000000 }, rows = { { "log.rate", "MB/s", limit = 0.8 } } }
end

local settings = { rounds = 5 }
local chosen = request.read(figures, settings, "programs")

local function is_there(side)
  local needs = systems[side].needs
  return not needs or os.execute(("command -v %s > /dev/null"):format(needs)) == true
end

local function run(figure, side, arguments)
  local words = { uv.exepath(), "lua", here .. "/driver.lua", "--limits", settings.limits, side, figure.figure }
  for _, argument in ipairs(arguments) do words[#words + 1] = ("%d"):format(argument) end
  if figure.few and systems[side].paced then words[#words] = figure.few end
  local pipe = assert(io.popen("'" .. table.concat(words, "' '") .. "'"))
  local text = pipe:read "a"
  local values = {}
  for key, value in text:gmatch "([%w_.]+)\t([^\t\n]+)\t" do values[key] = tonumber(value) end
  return pipe:close() and values or nil
end

-- What the programs come to, and not who supervises them, is the difference of many and a few.
local function measure(figure, side)
  local values = run(figure, side, figure.arguments)
  local few = values and figure.fewer and side == "luvisor" and run(figure, side, { figure.fewer })
  if few then
    local more = figure.arguments[1] - figure.fewer
    values["memory.each"] = (values["memory.all"] - few["memory.all"]) * 1024 / more
  end
  return values
end

local results = {} -- key -> side -> list

local function run_all()
  for round = 1, settings.rounds do
    for _, figure in ipairs(chosen) do
      for _, side in ipairs(SIDES) do
        if is_there(side) and round <= (figure.rounds or round) and not (side == "limit" and figure.no_limit) then
          io.stderr:write(("round %d: %s, %s\n"):format(round, figure.title, side))
          for key, value in pairs(measure(figure, side) or {}) do
            key = figure.name .. key
            results[key] = results[key] or {}
            results[key][side] = results[key][side] or {}
            table.insert(results[key][side], value)
          end
        end
      end
    end
  end
end

local function median(list)
  if not list then return nil end
  table.sort(list)
  return list[(#list + 1) // 2]
end

local function number(value)
  return value and ("%.3g"):format(value) or "-"
end

local function print_row(figure, row)
  local found, cells = results[figure.name .. row[1]] or {}, {}
  for i, side in ipairs(SIDES) do cells[i] = ("%11s"):format(number(median(found[side]))) end
  local goals = {}
  for _, side in ipairs { "limit", "supervisord" } do
    local mine, theirs = median(found.luvisor), median(found[side])
    if row[side] and mine and theirs then
      goals[#goals + 1] = ("%.2fx of %s's, to reach %gx"):format(mine / theirs, side, row[side])
    end
  end
  print(("  %-16s %s  %s"):format(row[2], table.concat(cells), table.concat(goals, "; ")))
end

run_all()
print(("%-18s %11s%11s%11s%11s%11s"):format("", table.unpack(SIDES)))
for _, figure in ipairs(chosen) do
  print(figure.title)
  for _, row in ipairs(figure.rows) do print_row(figure, row) end
end
