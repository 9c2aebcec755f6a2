-- Client, overview: the table of `luvisor status`: a row a unit, and what has got away.

local brief = require "luvisor.core.brief"
local client = require "luvisor.edge.client"
local json = require "host.json"
local memo = require "luvisor.core.memo"
local sheet = require "luvisor.edge.sheet"
local units = require "luvisor.core.units"
local width = require "luvisor.core.width"

local overview = {}

local codes = client.codes
local LONGEST_WHY = 120 -- columns; `why` and --json have all of it
local MOST_PIDS = 10
local COLUMNS = {
  { title = "UNIT" }, { title = "STATE" }, { title = "PID", right = true }, { title = "UPTIME", right = true },
  { title = "RESTARTS", right = true }, { title = "WHY" },
}
local USAGE = { { title = "MEMORY", right = true }, { title = "CPU", right = true } }
local COLOURS = {
  FATAL = "red", UNHEALTHY = "red", crashed = "red", BACKOFF = "yellow", WAITING = "yellow", STARTING = "yellow",
  STOPPING = "yellow", STOPPED = "dim", EXITED = "dim", RUNNING = "green",
}

local function size_text(bytes)
  if bytes < 1024 * 1024 then return ("%.0f KB"):format(bytes / 1024) end
  if bytes < 1024 * 1024 * 1024 then return ("%.1f MB"):format(bytes / 1024 / 1024) end
  return ("%.2f GB"):format(bytes / 1024 / 1024 / 1024)
end

local uptimes = memo(units.text)

local function uptime_text(seconds)
  if not seconds then return "-" end
  return uptimes[seconds // 1]
end

local function colour_of(unit)
  return COLOURS[unit.state] or unit.ready and "green" or nil
end

local function why_text(unit)
  if not unit.drift and not unit.omitted then return unit.why or "" end
  local notes = { unit.why }
  if unit.drift then notes[#notes + 1] = "drift: " .. unit.drift end
  if unit.omitted then
    notes[#notes + 1] = ("%d of its %d children are not shown (--all)"):format(unit.omitted, unit.children)
  end
  return table.concat(notes, "; ")
end

local indents = memo(function(depth) return ("  "):rep(depth) end)

local function name_text(unit, is_tree)
  return is_tree and indents[unit.depth] .. unit.name or unit.path
end

local function row_of(unit, is_tree, wide, is_coloured)
  local row = {
    name_text(unit, is_tree), is_coloured and { unit.state, colour_of(unit) } or unit.state, unit.pid or "-",
    uptime_text(unit.uptime), unit.restarts,
  }
  if wide then
    row[#row + 1] = unit.memory and size_text(unit.memory) or "-"
    row[#row + 1] = unit.cpu and units.text(unit.cpu) or "-"
  end
  local why = why_text(unit)
  row[#row + 1] = #why > LONGEST_WHY and width.cut(why, LONGEST_WHY) or why
  return row
end

local function columns_for(wide)
  if not wide then return COLUMNS end
  local columns = table.move(COLUMNS, 1, #COLUMNS - 1, 1, {})
  table.move(USAGE, 1, #USAGE, #columns + 1, columns)
  columns[#columns + 1] = COLUMNS[#COLUMNS]
  return columns
end

-- The rows of the table, and the code that the command ends with: a named unit that is not running is worth its own.
local function rows_of(list, is_tree, is_brief, options)
  local rows, code, record, is_coloured = {}, codes.DONE, {}, sheet.is_coloured()
  for i, unit in ipairs(list) do
    if is_brief then unit = brief.unpack(unit, record) end
    if not options.json then rows[i] = row_of(unit, is_tree, options.wide, is_coloured) end
    if not is_tree and not unit.running then code = codes.NOT_RUNNING end
  end
  return rows, code
end

local function print_escaped(pids)
  if not pids or #pids == 0 then return end
  client.print(("\n%d process%s away from %s unit, to be killed when the host ends: pid %s\n"):format(#pids,
    #pids == 1 and " has got" or "es have got", #pids == 1 and "its" or "their", table.concat(pids, ", ", 1,
    math.min(#pids, MOST_PIDS)) .. (#pids > MOST_PIDS and ", ..." or "")))
end

--- Prints an answer to `status`.
---@param result table
---@param is_tree boolean whether no unit was named
---@param is_brief boolean|nil whether its units are rows, see core/brief.lua
---@param options table
---@return integer code that the command ends with
function overview.print(result, is_tree, is_brief, options)
  local rows, code = rows_of(result.units, is_tree, is_brief, options)
  if options.json then
    client.print(assert(json.encode(result)) .. "\n")
  else
    client.print(sheet.text(columns_for(options.wide), rows))
    print_escaped(result.escaped)
  end
  return code
end

return overview
