-- Guest: the main program of a runtime that a host has made for one of its units: on a thread, or in a process
-- (`luvisor guest FD`). It is told what to run, runs it, says what becomes of it, and ends with it. When the host is
-- gone, everything ends.

-- The collector's pause and work: while the library is loaded, so that what that leaves behind is used again, and after
-- it, as host/engine.c has it.
local LOADING_PAUSE, LOADING_WORK, PAUSE, WORK = 120, 400, 200, 1

collectgarbage("incremental", LOADING_PAUSE, LOADING_WORK)

local lazy = require "luvisor.core.lazy"
local bonds = lazy "luvisor.machine.message.bonds"
local codec = require "host.codec"
local env = require "luvisor.edge.env"
local exit = require "luvisor.core.exit"
local handle = lazy "luvisor.machine.handle"
local loader = lazy "luvisor.edge.loader"
local generations = require "luvisor.edge.load.generation"
local native = require "host.guest"
local post = lazy "luvisor.machine.message.post"
local report = require "luvisor.edge.guest.report"
local runtime = require "host.runtime"
local script = require "luvisor.edge.script"
local system = require "host.system"
local trees = require "luvisor.machine.tree"
local unit = require "luvisor.machine.unit"
local wire = require "luvisor.edge.guest.wire"

local guest = {}

local FLUSH = 1        -- seconds for what was said last
local ORPHAN_GRACE = 5 -- seconds to end in when the host is gone
local FAILED = 1

local parent -- the wire to the host
local tree   -- what runs here, nil before it was told
local world
local office -- carries letters, nil before the first
local over   -- the exit was told

-- ---- the end

local function leave()
  local groups = tree and rawget(tree.env, "cgroups")
  if groups then groups.close() end
  system.quit(0)
end

local function leave_when_said(left)
  if parent:pending() == 0 or left <= 0 then return leave() end
  runtime.after(0.01, leave_when_said, left - 0.01)
end

local function finish(why)
  if over then return end
  over = true
  if tree then report.flush() end
  parent:send({ "exited", exit.pack(why) }, true)
  leave_when_said(FLUSH)
end

-- A fault in the machinery. Out of memory, nothing can be relied on any more: the unit ends.
local function on_fault(text)
  if over then return end
  if text:find("not enough memory", 1, true) then return finish(exit.new { kind = "memory", message = text }) end
  parent:send { "log", "error", "luvisor", text }
end

-- ---- the unit

local function root_parent(self, told)
  self.spec, self.name = told.parent and {} or nil, told.parent
  local prefix, find = (told.parent or "") .. "/", self.find
  self.find = function(_, path)
    if path:sub(1, #prefix) == prefix then path = path:sub(#prefix + 1) end
    return find(self, path)
  end
  self.child_ready = function()
    report.flush()
    parent:send({ "ready" }, true)
  end
  self.child_ended = function(_, _, why) finish(why) end
  self.child_stopped = function(_, _, why) finish(why) end
  self.fail = function(_, child, why)
    parent:send({ "critical", child:path(), exit.pack(why) }, true)
  end
end

-- A worker that says and hears nothing has none.
local function open_office()
  office = office or post.new(tree.env, parent)
  return office
end

-- What a letter may hold is known before anybody here has one; of handles, only that.
local function teach()
  codec.define(1, {}, tostring, function(path) return world.codec and handle.at(world, path) end, true)
  exit.teach(codec)
end

local function make_world(told)
  world = env.new {
    enabled = told.logs,
    write = function(level, who, format, ...)
      if not told.logs[level] then return end
      local message = select("#", ...) > 0 and format:format(...) or format
      parent:send { "log", level, type(who) == "string" and who or who:path(), message }
    end,
  }
  world.settings, world.source, world.told_lineage = told.settings, told.source, told.lineage
  teach()
  world.outside = function(address)
    return {
      address = address,
      deliver = function(_, letter) return open_office():deliver(address, letter) end,
      route = function(_, target, timeout) open_office():route(target, address, timeout) end,
    }
  end
  world.ask_host = function(frame)
    report.flush() -- the host has to know who asks
    return parent:send(frame, true)
  end
  world.tell_result = function(bytes) return parent:send({ "result", bytes }, true) end
end

-- A worker that never gives way is cut short, or the guest would hear nothing of its host.
local function watch(settings)
  local ok, message = runtime.watch(settings.slice, settings.stall, settings.kill)
  if not ok then parent:send { "log", "error", "luvisor", "no watchdog: " .. message } end
end

-- What only the beginning needs is forgotten after it.
local function forget(...)
  for _, name in ipairs { ... } do package.loaded[name] = nil end
end

-- A worker that is told as plain values was checked and completed by the host: nothing of that is loaded here.
local function load_unit(told, generation)
  script.directory = told.source.directory
  generations.use_directory(told.source.directory .. "/")
  if not told.plain or told.plain.kind ~= "worker" then return loader.load_unit(told, generation) end
  local spec = told.plain.keys
  spec.kind, spec.where, spec.path, spec.executor = "worker", told.plain.where, told.spec_path, "coroutine"
  spec.restart_name = "temporary" -- the host decides what comes after the end
  local ok, message = require("luvisor.edge.load.definition").prepare(spec, told.settings, generation)
  forget("luvisor.core.fitness", "luvisor.edge.load.definition")
  if not ok then return nil, message end
  return spec, told.settings
end

local function begin(told)
  watch(told.settings)
  generations.use(generations.new(told.source.files))
  local spec, settings = load_unit(told, generations.current())
  if not spec then return finish(exit.new { kind = "error", message = settings }) end
  runtime.watch(settings.slice, settings.stall, settings.kill)
  make_world(told)
  world.settings, world.load_unit = settings, load_unit
  world.adopt = function(one, supervisor) return loader.adopt(one, supervisor.spec, world.settings) end
  tree = trees.new(world, spec, finish, told.name)
  root_parent(tree, told)
  local root = tree.root
  root.mirrored, root.extra, root.generation = true, told.extra, told.generation - 1
  report.begin(world, root, parent, told.watched)
  script.set_tree(tree)
  if spec.children then world.sockets.open_all(spec) end
  unit.start(root)
  collectgarbage("incremental", PAUSE, WORK)
  if told.plain then collectgarbage() end -- loading leaves more behind than a single worker ever needs
end

-- ---- what the host says

local frames = {}

function frames.begin(told)
  if told.memory and told.executor == "process" then runtime.limit_memory(told.memory) end
  require("luvisor.edge.guest.confine")[told.executor == "thread" and "thread" or "process"]()
  forget "luvisor.edge.guest.confine"
  local ok, message = xpcall(begin, debug.traceback, told)
  if not ok then finish(exit.new { kind = "error", message = message }) end
end

function frames.stop()
  if tree and unit.ask_to_stop(tree.root) then finish(unit.shutdown_exit()) end
end

function frames.kill()
  if not tree or unit.ask_to_kill(tree.root) then finish(exit.new { kind = "killed" }) end
end

function frames.letter(...) open_office():letter(...) end
function frames.answer(...) open_office():answer(...) end
function frames.taken(list) open_office():taken(list) end

function frames.told(...) world.inquiry:told(...) end

function frames.tell(path, what, ...)
  local one = tree:find(path)
  if not one then return end
  if what ~= "unnamed" or one.tell then return bonds.arrive(one, what, ...) end
  world.registry:unregister(...)
end

function frames.call(...)
  report.call(...)
end

local function on_frame(frame)
  if over then return end
  frames[frame[1]](table.unpack(frame, 2, frame.n))
end

local function on_ended()
  if over then return leave() end
  frames.kill()
  runtime.after(ORPHAN_GRACE, leave)
end

--- Runs until the unit has ended; with the fds of a wire for a guest in a process, nothing for one on a thread.
---@param fds? integer[]
---@return integer|nil code
function guest.main(fds)
  local message
  runtime.set_reporter(on_fault)
  if fds then
    if fds.pulse then native.show(fds.pulse) end
    local same = fds[2] == nil or fds[2] == fds[1]
    fds = { native.own(fds[1]), not same and native.own(fds[2]) or nil }
    parent, message = wire.stream(fds, on_frame, on_ended)
  else
    parent, message = wire.parent(on_frame, on_ended)
  end
  if parent then return nil end
  system.put(2, "luvisor: guest: " .. tostring(message) .. "\n")
  return FAILED
end

return guest
