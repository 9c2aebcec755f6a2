-- Methods, logs: what units have said: the output of programs as far as it passes through the host, and the host's log
-- lines of workers and supervisors. Following looks for news several times a second, in the ring that each stream has;
-- a client that does not read finds what is left there when it comes back, and how much was lost.

local check = require "luvisor.core.check"
local journal = require "luvisor.edge.journal"
local json = require "host.json"
local log = require "luvisor.edge.log"
local names = require "luvisor.edge.control.names"
local runtime = require "host.runtime"
local said = require "luvisor.edge.said"
local selection = require "luvisor.machine.selection"

local methods = {}

local LOOK_EVERY = 0.1 -- seconds
local LINES = 10
local PATIENCE = 2     -- seconds for the runtimes of those that run elsewhere

local function line_of(entry)
  return ("%s %-5s %s"):format(log.stamp(runtime.now() - entry.at), entry.level, entry.message)
end

local function journal_of(path, count)
  local lines = json.array()
  for i, entry in ipairs(journal.last(function(unit) return unit == path end, count)) do lines[i] = line_of(entry) end
  return { unit = path, stream = "log", lines = lines }
end

-- fn(list) with what said.last says of a program, once.
local function ask_last(unit, count, fn)
  if not unit.home then return fn(said.last(unit, count)) end
  local timer
  local function finish(list)
    if fn then fn(list or {}) end
    fn = nil
    runtime.cancel(timer)
  end
  timer = runtime.after(PATIENCE, finish)
  unit:forward(unit, "said", { count = count }, finish)
end

-- done(list, followed): the last lines of each, and the streams of programs.
local function all_of(units, count, done)
  local parts, open, followed = {}, 1, {}
  local function close()
    open = open - 1
    if open > 0 then return end
    local list = json.array()
    for _, part in ipairs(parts) do table.move(part, 1, #part, #list + 1, list) end
    done(list, followed)
  end
  for i, unit in ipairs(units) do
    local path = unit:path()
    if unit.spec.kind ~= "program" then
      parts[i] = { journal_of(path, count) }
    else
      parts[i], open = {}, open + 1
      ask_last(unit, count, function(streams)
        for k, one in ipairs(streams) do
          followed[#followed + 1] = { path = path, stream = one.stream, place = one.place }
          parts[i][k] = { unit = path, stream = one.stream, lines = json.array(one.lines) }
        end
        if not streams[1] then parts[i][1] = { unit = path, stream = "none", lines = json.array() } end
        close()
      end)
    end
  end
  close()
end

-- ---- following

local NEWLINE = 10

-- After a loss: from the next line on, and not behind the half of another.
local function resume(one, text, lost)
  local cut = text:find("\n", 1, true) or 0
  return (one.amid and "\n" or "") .. text:sub(cut + 1), lost + cut
end

local function pass_on(self, one, text, place, lost)
  one.asked = nil
  if not text or self.client.closed then return end
  one.place = place
  if lost > 0 then text, lost = resume(one, text, lost) end
  if text == "" then return end
  one.amid = text:byte(-1) ~= NEWLINE
  self.client:notify("log", { unit = one.path, stream = one.stream, text = text, lost = lost > 0 and lost or nil })
end

local function look(self)
  if self.client.closed then return end
  runtime.after(LOOK_EVERY, look, self)
  for _, one in ipairs(self.followed) do
    local unit = self.tree:find(one.path)
    if not unit or one.asked or self.client:is_behind() then goto continue end
    if unit.home then
      one.asked = true
      unit:forward(unit, "said", { stream = one.stream, place = one.place }, function(...) pass_on(self, one, ...) end)
    else
      pass_on(self, one, said.news(unit, one.stream, one.place))
    end
    ::continue::
  end
end

local function follow(context, units, followed, client)
  local of_journal = {}
  for _, unit in ipairs(units) do
    if unit.spec.kind ~= "program" then of_journal[unit:path()] = true end
  end
  local ok, message, code = client:subscribe(function()
    return journal.follow(function(entry)
      if not of_journal[entry.unit] then return end
      client:notify("log", { unit = entry.unit, stream = "log", text = line_of(entry) .. "\n" })
    end)
  end)
  if ok then runtime.after(LOOK_EVERY, look, { tree = context.tree, client = client, followed = followed }) end
  return ok, message, code
end

methods.logs = {
  summary = "the last lines that units have said; with follow, notifications `log` of what they say from then on",
  required = { "units" },
  params = { units = names.list, lines = check.integer(0, 100000), follow = check.boolean },
  call = function(context, params, reply, client)
    local units, message, code = selection.find(context.tree, params.units)
    if not units then return reply(nil, message, code) end
    all_of(units, params.lines or LINES, function(list, followed)
      local ok = true
      if params.follow then ok, message, code = follow(context, units, followed, client) end
      if not ok then return reply(nil, message, code) end
      reply { streams = list }
    end)
  end,
}

return methods
