-- Client, history: `luvisor history`: what happened to units, from the file that the host keeps it in, whether it runs
-- or not.

local client = require "luvisor.edge.client"
local happening = require "luvisor.edge.happening"
local history = require "host.history"
local json = require "host.json"
local system = require "host.system"
local selection = require "luvisor.machine.selection"
local units = require "luvisor.core.units"
local uv = require "luv"

local command = {}

local codes = client.codes
local DEFAULT = 100 -- entries

-- ---- what is asked for

local function wall_of(text)
  local year, month, day, rest = text:match "^(%d%d%d%d)%-(%d%d?)%-(%d%d?)(.*)$"
  if not year then return nil end
  local hour, min, sec = rest:match "^[ T](%d%d?):(%d%d)(.*)$"
  if rest ~= "" and not hour then return nil end
  local seconds = sec and sec:match "^:(%d%d)$"
  if sec and sec ~= "" and not seconds then return nil end
  return os.time { year = year, month = month, day = day, hour = hour or 0, min = min or 0, sec = seconds or 0 }
end

-- The wall clock of --since.
local function since(options)
  if not options.since then return 0 end
  local wall = wall_of(options.since)
  if wall then return wall end
  local seconds = units.seconds(options.since)
  if seconds then return system.wall() - seconds end
  return nil, ('--since: expected a time (2h, 3d, 2026-11-20, "2026-11-20 22:30"), got "%s"'):format(options.since)
end

local function most(options)
  local lines = options.lines
  if not lines then return options.since and math.huge or DEFAULT end
  local count = math.tointeger(tonumber(lines))
  if count and count > 0 then return count end
  return nil, ('--lines: expected a whole number > 0, got "%s"'):format(lines)
end

local function read_options(operands, options)
  local from, count, message
  from, message = since(options)
  if from then count, message = most(options) end
  if not count then return nil, message end
  local wish = { since = from, most = count, wanted = operands[1] and selection.matcher(operands), json = options.json }
  for _, name in ipairs(operands) do wish.by_tag = wish.by_tag or name:sub(1, 1) == "@" end
  return wish
end

local function is_wanted(wish, unit, text)
  if not wish.wanted then return true end
  local event = wish.by_tag and json.decode(text)
  return wish.wanted(unit, type(event) == "table" and event.tags or nil)
end

-- ---- printing

local function print_entry(text, as_json)
  if as_json then return client.print(text .. "\n") end
  local event = json.decode(text)
  if type(event) == "table" then client.print(happening.line(event) .. "\n") end
end

local function scan(path, wish)
  local last = wish.most < math.huge
  local kept, found = {}, false
  local ok, message = history.scan(path, wish.since, last, function(_, unit, _, text)
    if not is_wanted(wish, unit, text) then return true end
    found = true
    if not last then print_entry(text, wish.json) else kept[#kept + 1] = text end
    return #kept < wish.most
  end)
  for i = #kept, 1, -1 do print_entry(kept[i], wish.json) end
  return ok, message, found
end

local function show(path, wish)
  if not uv.fs_stat(path) then
    return client.quit(codes.FAILED, ("there is no history (%s); see luvisor run --history"):format(path))
  end
  local ok, message, found = scan(path, wish)
  if ok and not found then client.complain("nothing of that is in " .. path) end
  if ok then return client.quit(codes.DONE) end
  client.quit(codes.FAILED, ("%s: %s"):format(path, message))
end

-- Where a host that does not run any more has kept it.
local function show_left(place, wish)
  local named = os.getenv "LUVISOR_HISTORY"
  show(named and named ~= "off" and named or place.history, wish)
end

--- Prints the history.
---@param operands string[]
---@param options table
---@return integer|nil
function command.call(operands, options)
  local wish, message = read_options(operands, options)
  if not wish then return client.misused(message) end
  if options.file then return show(options.file, wish) end
  return client.connect(options, function(self)
    self:ask("history", {}, function(result)
      if result.path then return show(result.path, wish) end
      client.quit(codes.FAILED, "there is no history, this host keeps none; see luvisor run --history")
    end)
  end, function(place) show_left(place, wish) end)
end

return command
