-- Methods, logs: what units have said: the output of programs as far as it passes through the host, and the host's log
-- lines of workers and supervisors. Following looks for news several times a second, in the ring that each stream has;
-- a client that does not read finds what is left there when it comes back, and how much was lost.

local check = require "luvisor.core.check"
local journal = require "luvisor.edge.journal"
local json = require "host.json"
local log = require "luvisor.edge.log"
local names = require "luvisor.edge.control.names"
local runtime = require "host.runtime"
local selection = require "luvisor.machine.selection"

local methods = {}

local LOOK_EVERY = 0.1 -- seconds
local LINES = 10
local STREAMS = { "stdout", "stderr" }

local function passes_here(target)
  return type(target) == "table" or type(target) == "function"
end

-- The streams of a program that the host keeps a part of.
local function streams_of(spec)
  local list = {}
  for _, name in ipairs(STREAMS) do
    if passes_here(spec[name]) then list[#list + 1] = name end
  end
  return list
end

local function last_lines(text, count)
  local lines, all = {}, {}
  for line in text:gmatch "[^\n]+" do all[#all + 1] = line end
  table.move(all, math.max(1, #all - count + 1), #all, 1, lines)
  return json.array(lines)
end

local function line_of(entry)
  return ("%s %-5s %s"):format(log.stamp(runtime.now() - entry.at), entry.level, entry.message)
end

local function journal_of(path, count)
  local lines = json.array()
  for i, entry in ipairs(journal.last(function(unit) return unit == path end, count)) do lines[i] = line_of(entry) end
  return { unit = path, stream = "log", lines = lines }
end

local function of_program(unit, count, list)
  local streams = streams_of(unit.spec)
  for _, stream in ipairs(streams) do
    local text = unit.child_before and unit.child_before:tail(nil, stream) or ""
    list[#list + 1] = { unit = unit:path(), stream = stream, lines = last_lines(text, count) }
  end
  if not streams[1] then
    list[#list + 1] = { unit = unit:path(), stream = "none", lines = json.array() }
  end
end

local function all_of(units, count)
  local list = json.array()
  for _, unit in ipairs(units) do
    if unit.spec.kind == "program" then
      of_program(unit, count, list)
    else
      list[#list + 1] = journal_of(unit:path(), count)
    end
  end
  return list
end

-- ---- following

local NEWLINE = 10

local function place_of(unit, stream)
  if not unit or not unit.child_before then return 0 end
  return select(2, unit.child_before:news(math.maxinteger, stream))
end

-- After a loss: from the next line on, and not behind the half of another.
local function resume(one, text, lost)
  local cut = text:find("\n", 1, true) or 0
  return (one.amid and "\n" or "") .. text:sub(cut + 1), lost + cut
end

local function look(self)
  if self.client.closed then return end
  runtime.after(LOOK_EVERY, look, self)
  for _, one in ipairs(self.followed) do
    local unit = self.tree:find(one.path)
    local child = unit and unit.child_before
    if child and not self.client:is_behind() then
      local text, place, lost = child:news(one.place, one.stream)
      one.place = place
      if lost > 0 then text, lost = resume(one, text, lost) end
      if text ~= "" then
        one.amid = text:byte(-1) ~= NEWLINE
        lost = lost > 0 and lost or nil
        self.client:notify("log", { unit = one.path, stream = one.stream, text = text, lost = lost })
      end
    end
  end
end

local function follow(context, units, client)
  local self = { tree = context.tree, client = client, followed = {} }
  local of_journal = {}
  for _, unit in ipairs(units) do
    local path = unit:path()
    if unit.spec.kind ~= "program" then of_journal[path] = true end
    for _, stream in ipairs(unit.spec.kind == "program" and streams_of(unit.spec) or {}) do
      self.followed[#self.followed + 1] = { path = path, stream = stream, place = place_of(unit, stream) }
    end
  end
  local ok, message, code = client:subscribe(function()
    return journal.follow(function(entry)
      if not of_journal[entry.unit] then return end
      client:notify("log", { unit = entry.unit, stream = "log", text = line_of(entry) .. "\n" })
    end)
  end)
  if ok then look(self) end
  return ok, message, code
end

methods.logs = {
  summary = "the last lines that units have said; with follow, notifications `log` of what they say from then on",
  required = { "units" },
  params = { units = names.list, lines = check.integer(0, 100000), follow = check.boolean },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    local lines, ok = all_of(units, params.lines or LINES), true
    if params.follow then ok, message, code = follow(context, units, client) end
    if not ok then return reply(nil, message, code) end
    reply { streams = lines }
  end,
}

return methods
