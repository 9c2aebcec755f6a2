-- Annals: keeps what happens to the units of the tree in a file, beyond the life of the host: its history. A thread
-- writes it: a disk that is slow, full or gone costs entries, which are counted, and delays nobody.
--
-- Kept are all events but heartbeats and the states of workers, of which there may be thousands a second, the errors in
-- the log, and all that it says about the host itself; of a pool's children only what is out of the ordinary.

local lazy = require "luvisor.core.lazy"
local exit = require "luvisor.core.exit"
local handle = lazy "luvisor.machine.handle"
local happening = lazy "luvisor.edge.happening"
local history = require "host.history"
local journal = require "luvisor.edge.journal"
local json = require "host.json"
local paths = require "luvisor.edge.paths"
local runtime = require "host.runtime"
local script = require "luvisor.edge.script"
local system = require "host.system"
local uv = require "luv"

local annals = {}

local HOST = "luvisor"   -- the unit of what is about the host
local LONGEST = 2000     -- bytes of a text
local LOOK_AGAIN = 1     -- second after an entry: whether it could be written
local NOT_KEPT = { heartbeat = true }

local own -- of the tree that runs in this process

---@class luvisor.Annals
---@field path string

-- ---- what could not be written

-- Told once, and once more when it is over.
local function tell(self)
  local _, lost, message = self.keeper:count()
  self.looking = false
  if lost > self.lost then
    if not self.troubled then
      self.log("warn", HOST, "history: %s: %s, entries are lost", self.path, message or "too slow a disk")
    end
    self.troubled = true
  elseif self.troubled and not message then
    self.log("warn", HOST, "history: %s: no more entries are lost, %d were", self.path, lost)
    self.troubled = false
  end
  self.lost = lost
end

local function look_later(self)
  if self.looking then return end
  self.looking = true
  self.timer = runtime.after(LOOK_AGAIN, function() tell(self) end)
end

-- ---- what is kept

local function cut(text)
  return type(text) == "string" and #text > LONGEST and text:sub(1, LONGEST) .. "..." or text
end

local function keep(self, event)
  local plain = happening.plain(event)
  plain.text, plain.cause = cut(plain.text), cut(plain.cause)
  if plain.exit then plain.exit.text, plain.exit.message = cut(plain.exit.text), cut(plain.exit.message) end
  local text = json.encode(plain)
  if not text then return end
  self.keeper:add(system.wall(), plain.unit, plain.kind, text)
  look_later(self)
end

local USUAL = { start = true, ready = true, stop = true, transition = true }

-- Of the children of a pool only what is not as usual.
local function is_of_interest(event)
  local unit = event.handle and handle.unit(event.handle)
  if not unit then return true end
  if event.kind == "transition" and unit.spec.kind == "worker" then return false end
  if math.type(unit.name) ~= "integer" then return true end
  return not USUAL[event.kind] and not (event.exit and exit.is_normal(event.exit))
end

local function subscribe(self, env)
  local function listen(event)
    if own == self and is_of_interest(event) then keep(self, event) end
  end
  for _, kind in ipairs(script.kinds) do
    if not NOT_KEPT[kind] then env.subscribe(kind, listen) end
  end
end

-- What is said of the history itself is not kept: it would never end.
local function follow_log(self)
  return journal.follow(function(entry)
    if entry.level ~= "error" and entry.unit ~= HOST or self.troubled then return end
    local unit = entry.unit ~= HOST and self.env.tree:find(entry.unit)
    local tags = unit and unit.spec.tags or nil
    keep(self, { kind = "log", unit = entry.unit, level = entry.level, text = entry.message, tags = tags })
  end)
end

-- ---- opening and closing

--- Where the history of a host goes: nil for nowhere.
---@param options table of the command line
---@param settings table
---@param place? luvisor.Paths
---@return string|nil
function annals.path(options, settings, place)
  local path = options.history or settings.history
  if path == "off" then return nil end
  if not path then return options.daemon and place and place.history or nil end
  return path:sub(1, 1) == "/" and path or uv.cwd() .. "/" .. path
end

--- Begins to keep the history of a tree; a host that cannot runs on without.
---@param path? string
---@param context { env: table, log: function, script: string }
---@param settings table
---@return luvisor.Annals|nil
function annals.open(path, context, settings)
  if not path then return nil end
  local ok, message = paths.make(path:match "^(.*)/[^/]*$")
  local keeper
  if ok then keeper, message = history.open(path, settings.history_age, settings.history_size) end
  if not keeper then
    context.log("warn", HOST, "no history: %s: %s", path, message)
    return nil
  end
  own = { keeper = keeper, path = path, log = context.log, env = context.env, lost = 0 }
  keep(own, { kind = "host", unit = HOST, text = ("started: pid %d, %s"):format(system.pid(), context.script) })
  subscribe(own, context.env)
  own.unfollow = follow_log(own)
  return own
end

--- The last entry; waits a moment until all is written.
---@param why luvisor.Exit
function annals.close(why)
  if not own then return end
  own.unfollow()
  keep(own, { kind = "host", unit = HOST, text = ("ended: %s"):format(tostring(why)) })
  runtime.cancel(own.timer)
  own.keeper:close()
  own = nil
end

return annals
