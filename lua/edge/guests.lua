-- Guests: makes the runtimes in which units with an executor of their own run, and tells them what to run.

local plain = require "luvisor.core.spec.plain"
local process = require "host.process"
local runtime = require "host.runtime"
local guest = require "host.guest"
local wire = require "luvisor.edge.wire"

local guests = {}

---@class luvisor.Guest
---@field pid? integer
---@field send fun(self, frame: table, urgent?: boolean): true|nil, string?, string?
---@field destroy fun(self)   ends it by force
---@field abandon? fun(self)  lets it go on by itself; only where destroy may not be enough

-- A worker is told as plain values where that is possible: its guest then need not load the whole script.
local function order(env, unit)
  local spec, logs, watched = unit.spec, {}, {}
  local described = (spec.kind == "worker" or spec.adopted) and plain.of(spec) or nil
  for level, on in pairs(env.logs) do logs[level] = on end
  for kind in pairs(env.watched) do watched[kind] = true end
  return { "begin", {
    unit = unit:path(), parent = unit.parent.spec and unit.parent:path() or nil, name = unit.name, plain = described,
    spec_path = spec.path, settings = env.settings, source = env.source, generation = unit.generation,
    extra = unit.extra, logs = logs, watched = watched, executor = spec.executor, shutdown = spec.shutdown,
    start_timeout = spec.start_timeout,
  } }
end

-- ---- threads

local Thread = {}
Thread.__index = Thread

function Thread:send(frame, urgent) return self.wire:send(frame, urgent) end
function Thread.destroy() end -- it was asked to end; nothing else can be done from outside
function Thread:abandon() self.abandoned = true end

local function open_thread(_, unit, events)
  local self = setmetatable({}, Thread)
  local message, code
  self.wire, message, code = wire.thread({ memory = unit.spec.memory, name = tostring(unit.name) }, events.frame,
    function()
      events.ended { kind = "error", message = "its thread ended without saying why" }
    end)
  if not self.wire then return nil, message, code end
  return self
end

-- ---- processes

local Process = {}
Process.__index = Process

function Process:send(frame, urgent) return self.wire:send(frame, urgent) end
function Process:destroy() self.child:signal_group "KILL" end

local FD = 3

local function variables(env, unit)
  local list = {}
  for _, entry in ipairs(process.environment()) do
    if not entry:find "^LUVISOR_UNIT=" then list[#list + 1] = entry end
  end
  list[#list + 1] = ("LUVISOR_UNIT=%s/%d@%s"):format(unit:path(), unit.generation, env.process.instance)
  return list
end

local function how_it_ended(code, signal, core)
  if signal then return { kind = "signal", signal = signal, core = core or nil } end
  if code == 0 then return { kind = "exit", code = 0, message = "its process ended without saying why" } end
  return { kind = "exit", code = code }
end

local function options(env, unit, fd, on_exit)
  local spec = unit.spec
  local who = spec.identity or {}
  return {
    command = { "/proc/self/exe", "guest", tostring(FD) }, argv0 = "luvisor", env = variables(env, unit),
    fds = { [FD] = fd }, stdin = "null", uid = who.uid, gid = who.gid, groups = who.groups, umask = spec.umask,
    nice = spec.nice, limits = spec.limits, cwd = spec.cwd, die_with_host = true, on_exit = on_exit,
  }
end

local function spawn(self, env, unit, fd, events)
  return env.process.spawn(options(env, unit, fd, function(status, signal, core)
    local how = how_it_ended(status, signal, core)
    if status ~= 0 then self.child:signal_group "KILL" end -- what it started is not to outlive it
    self.child:on_empty(function()
      self.child:close()
      runtime.post(function() -- what it had sent comes first
        self.wire:close()
        events.ended(how)
      end)
    end)
  end))
end

local function open_process(env, unit, events)
  local self = setmetatable({}, Process)
  local ours, theirs, code = guest.pair()
  if not ours then return nil, theirs, code end
  local message
  self.child, message, code = spawn(self, env, unit, theirs, events)
  guest.close(theirs)
  if not self.child then
    guest.close(ours)
    return nil, message, code
  end
  self.pid = self.child:pid()
  self.wire, message, code = wire.stream({ ours }, events.frame, function() end)
  if self.wire then return self end
  self:destroy()
  return nil, message, code
end

-- ---- all

local OPEN = { thread = open_thread, process = open_process }

--- Lets units of this env run elsewhere.
---@param env table
---@return { open: fun(unit: table, events: table): luvisor.Guest|nil, string?, string? }
function guests.new(env)
  local self = {}

  --- Makes a guest and has it run the unit; events.ended is called once, events.frame for what it says.
  function self.open(unit, events)
    local made, message, code = OPEN[unit.spec.executor](env, unit, events)
    if not made then return nil, message, code end
    local ok
    ok, message = made:send(order(env, unit), true)
    if not ok then
      env.log("error", unit, "cannot be told what to run: %s", message)
      made:destroy()
    end
    return made
  end

  return self
end

return guests
