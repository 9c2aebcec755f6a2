-- Guests: makes the runtimes in which units with an executor of their own run, and tells them what to run.

local codec = require "host.codec"
local lazy = require "luvisor.core.lazy"
local custom = require "luvisor.edge.custom"
local estate = lazy "luvisor.edge.estate"
local plain = require "luvisor.core.spec.plain"
local process = require "host.process"
local program_cgroup = require "luvisor.machine.program.cgroup"
local runtime = require "host.runtime"
local guest = require "host.guest"
local system = require "host.system"
local shelf = lazy "luvisor.edge.guest.shelf"
local wire = require "luvisor.edge.guest.wire"

local guests = {}

---@class luvisor.Guest
---@field pid? integer
---@field send fun(self, frame: table, urgent?: boolean): true|nil, string?, string?
---@field destroy fun(self)   ends it by force
---@field follows? fun(self): boolean whether it can be told of changes; always, where this is missing
---@field abandon? fun(self)  lets it go on by itself; only where destroy may not be enough

local function modules(files)
  local list = {}
  for _, file in ipairs(files) do
    if file.name ~= "" then list[#list + 1] = file end
  end
  return list
end

-- What all are told alike, until another script runs; of its files those with a worker to itself get the modules.
local function new_common(env, is_lone)
  local source = env.source
  local directory = system.absolute(source.directory) or source.directory
  local files = is_lone and modules(source.files) or source.files
  local common = {
    lineage = env.lineage, settings = env.settings,
    source = { path = source.path, directory = directory, files = files },
  }
  return { common = common, source = source, files = source.files, settings = env.settings }
end

local function common_of(env, is_lone)
  local kept, which = env.guests.common, is_lone and "lone" or "whole"
  local known = kept[which]
  if not known or known.source ~= env.source or known.files ~= env.source.files or known.settings ~= env.settings then
    known = new_common(env, is_lone)
    kept[which] = known
  end
  return known
end

local function copy_true(set)
  local made = {}
  for key, on in pairs(set) do made[key] = on and true or nil end
  return made
end

-- A worker is told as plain values where that is possible: its guest then need not load the whole script.
local function order(env, unit, spec)
  local described = (spec.kind == "worker" or spec.adopted) and plain.of(spec) or nil
  return {
    unit = unit:path(), parent = unit.parent.spec and unit.parent:path() or nil, name = unit.name, plain = described,
    edits = not described and spec.edits or nil,
    spec_path = spec.path, generation = unit.generation,
    extra = unit.extra, logs = copy_true(env.logs), watched = copy_true(env.watched), shutdown = spec.shutdown,
    start_timeout = spec.start_timeout, memory = spec.memory,
    executor = type(spec.executor) == "string" and spec.executor or nil,
  }, common_of(env, described and spec.kind == "worker")
end

local function begin_frame(env, unit)
  local told, known = order(env, unit, unit.spec)
  return { "begin", told, known.common }
end

-- The same encoded; what all are told is so once, and is left out for a guest that was told already.
local function send_begin(env, unit, made)
  local told, known = order(env, unit, unit.spec)
  local bytes, message, code = codec.encode("begin", told)
  if bytes and made.known ~= known then
    known.bytes = known.bytes or codec.encode(known.common)
    bytes = bytes .. known.bytes
  end
  if not bytes then return nil, message, code end
  return made.wire:send_bytes(bytes, true)
end

-- ---- threads

local QUIET = 0.02 -- seconds without another start

local Thread = {}
Thread.__index = Thread

function Thread:send(frame, urgent) return self.wire:send(frame, urgent) end
function Thread:late() return self.wire:late() end
function Thread.destroy() end -- it was asked to end; nothing else can be done from outside
function Thread:abandon() self.abandoned = true end

-- Nobody hears of one that was told nothing yet.
local function new_thread()
  local self = setmetatable({}, Thread)
  local message, code
  self.wire, message, code = wire.thread(function(frame)
    if self.events then self.events.frame(frame) end
  end, function()
    self.over = true
    if self.events then self.events.ended { kind = "error", message = "its thread ended without saying why" } end
  end)
  if not self.wire then return nil, message, code end
  self.link = self.wire.link
  return self
end

-- Where one thread was started, another will be: the next one is begun ahead, when no more are wanted for now, and has
-- loaded the library by then. A worker that has failed is back as soon as it is told what to run.
local function keep_spare(env, ahead)
  runtime.cancel(ahead.due)
  ahead.due = runtime.after(QUIET, function()
    if ahead.thread and not ahead.thread.over then return end
    ahead.thread = new_thread()
    if not ahead.thread then return end
    ahead.thread.known = common_of(env, true)
    ahead.thread:send({ "prepare", ahead.thread.known.common }, true)
  end)
end

local function open_thread(env, _, events)
  local ahead = env.guests.ahead
  local self, message, code = ahead.thread, nil, nil
  ahead.thread = nil
  if not self or self.over then self, message, code = new_thread() end
  if not self then return nil, message, code end
  self.events = events
  return self
end

-- ---- processes

local Process = {}
Process.__index = Process

function Process:send(frame, urgent) return self.wire:send(frame, urgent) end
function Process:late() return self.wire:late() end
function Process:destroy()
  self.destroyed = true
  self.child:signal_group "KILL"
end

local FD, PULSE_FD, SHELF_FD = 3, 4, 5
local OWN = "/proc/self/exe" -- this binary, even when its file has been replaced; under valgrind, valgrind
local READ_GRACE = 1 -- seconds for what a dead process has sent

local function variables(env, unit)
  local list = {}
  for _, entry in ipairs(process.environment()) do
    if not entry:find "^LUVISOR_UNIT=" then list[#list + 1] = entry end
  end
  list[#list + 1] = ("LUVISOR_UNIT=%s/%d@%s"):format(unit:path(), unit.generation, env.lineage)
  return list
end

-- Whether the kernel has killed it for want of memory: in its own group for certain, else as far as the host's tells.
local function was_oom(self, env)
  local group = self.run.cgroup
  return group and group.oom_kills() > 0 or env.cgroups.take_oom()
end

local KILL = 9

local function how_it_ended(self, env, code, signal, core)
  if signal == KILL and not self.destroyed and was_oom(self, env) then
    return { kind = "memory", signal = signal, message = "killed by the kernel, which had no memory left for it" }
  end
  if signal then return { kind = "signal", signal = signal, core = core or nil } end
  if code == 0 then return { kind = "exit", code = 0, message = "its process ended without saying why" } end
  return { kind = "exit", code = code }
end

local function options(env, unit, fds, on_exit)
  local spec = unit.spec
  local who = spec.identity or {}
  local binary = os.getenv "LUVISOR_SELF" or OWN
  return {
    command = { binary, "guest", tostring(FD), tostring(FD), tostring(PULSE_FD), fds[SHELF_FD] and tostring(SHELF_FD) },
    argv0 = "luvisor",
    env = variables(env, unit),
    fds = fds, stdin = "null", uid = who.uid, gid = who.gid, groups = who.groups, umask = spec.umask,
    nice = spec.nice, limits = spec.limits, cwd = spec.cwd, die_with_host = true, on_exit = on_exit,
  }
end

-- What a process had sent before it died comes first.
local function when_read(self, fn)
  if self.read then return fn() end
  local function once()
    if not self.on_read then return end
    runtime.cancel(self.timer)
    self.on_read = nil
    fn()
  end
  self.on_read, self.timer = once, runtime.after(READ_GRACE, once)
end

local function note_read(self)
  self.read = true
  if self.on_read then self.on_read() end
end

local function spawn(self, env, unit, fds, events)
  local launch = options(env, unit, fds, function(status, signal, core)
    local how = how_it_ended(self, env, status, signal, core)
    if status ~= 0 then self.child:signal_group "KILL" end -- what it started is not to outlive it
    self.child:on_empty(function()
      self.child:close()
      when_read(self, function()
        if self.wire then self.wire:close() end
        estate.settle(env, unit, function()
          program_cgroup.finish(unit, self.run, function() events.ended(how) end)
        end)
      end)
    end)
  end)
  self.run = { generation = unit.generation }
  local ok, message, code = program_cgroup.prepare(unit, self.run, launch)
  if not ok then return nil, message, code end
  env.cgroups.note_oom()
  local child
  child, message, code = env.process.spawn(launch)
  if not child and self.run.cgroup then self.run.cgroup.close() end
  return child, message, code
end

local function open_process(env, unit, events)
  local self = setmetatable({}, Process)
  local pulse, message, code = guest.pulse()
  if not pulse then return nil, message, code end
  local ours, theirs
  ours, theirs, code = guest.pair()
  if not ours then
    guest.close(pulse)
    return nil, theirs, code
  end
  local fds = { [FD] = theirs, [PULSE_FD] = pulse, [SHELF_FD] = shelf.fd() }
  self.child, message, code = spawn(self, env, unit, fds, events)
  guest.close(theirs)
  if not self.child then
    guest.close(ours)
    guest.close(pulse)
    return nil, message, code
  end
  self.pid = self.child:pid()
  self.wire, message, code = wire.stream({ ours, pulse = pulse }, events.frame, function() note_read(self) end)
  self.link = self.wire and self.wire.link
  if self.wire then return self end
  self:destroy()
  return nil, message, code
end

-- ---- all

local OPEN = { thread = open_thread, process = open_process }

--- Lets units of this env run elsewhere.
---@param env table
---@return { open: fun(unit: table, events: table): luvisor.Guest|nil, string?, string?, order: function }
function guests.new(env)
  local self = { ahead = {}, common = {} } -- ahead: thread, due

  --- Makes a guest and has it run the unit; events.ended is called once, events.frame for what it says.
  function self.open(unit, events)
    if type(unit.spec.executor) == "table" then
      return custom.open(env, unit, events, function() return begin_frame(env, unit) end)
    end
    local made, message, code = OPEN[unit.spec.executor](env, unit, events)
    if not made then return nil, message, code end
    local ok
    ok, message = send_begin(env, unit, made)
    if not ok then
      env.log("error", unit, "cannot be told what to run: %s", message)
      made:destroy()
    end
    if unit.spec.executor == "thread" then keep_spare(env, self.ahead) end -- once its worker is under way
    return made
  end

  --- What a guest is told of a unit with this spec.
  function self.order(unit, spec)
    local told, known = order(env, unit, spec)
    for key, value in pairs(known.common) do told[key] = value end
    return told
  end

  return self
end

return guests
