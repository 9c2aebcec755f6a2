-- Run: `luvisor run` and `luvisor lua`: brings a script to life and gives the process its exit code.

local lazy = require "luvisor.core.lazy"
local annals = require "luvisor.edge.annals"
local bounds = require "luvisor.edge.load.bounds"
local control = require "luvisor.edge.control"
local daemon = lazy "luvisor.edge.service.daemon"
local descriptors = require "luvisor.edge.service.descriptors"
local elevation = require "luvisor.edge.service.elevation"
local env = require "luvisor.edge.env"
local exit = require "luvisor.core.exit"
local generation = require "luvisor.edge.load.generation"
local instance = require "luvisor.edge.service.instance"
local journal = require "luvisor.edge.journal"
local leftovers = require "luvisor.edge.service.leftovers"
local loader = require "luvisor.edge.loader"
local local_repl = lazy "luvisor.edge.repl.local"
local log = require "luvisor.edge.log"
local manager = require "luvisor.edge.service.manager"
local native = require "host.guest"
local process = require "host.process"
local reload = require "luvisor.edge.reload"
local runtime = require "host.runtime"
local script = require "luvisor.edge.script"
local signals = require "luvisor.edge.service.signals"
local sockets = require "luvisor.edge.sockets"
local subscribers = require "luvisor.edge.subscribers"
local system = require "host.system"
local thrift = lazy "luvisor.edge.thrift"
local trees = require "luvisor.machine.tree"
local up = require "luvisor.edge.service.up"
local watches = lazy "luvisor.edge.watch"

local run = {}

local OK, FAILED, USAGE = 0, 1, 2
local LARGE = 1024 -- KiB that loading a script has taken
local EAGER, USUAL = { pause = 110, work = 100 }, { pause = 200, work = 1 } -- of the collector; see host/engine.c
local STARTED = 5 -- seconds

local function complain(message)
  system.put(2, "luvisor: " .. message .. "\n")
end

-- ---- a tree

local function report_end(write, why)
  write(exit.is_normal(why) and "info" or "error", "luvisor", "the tree ended: %s", tostring(why))
  local cause = why.cause
  while cause do
    write("error", "luvisor", "caused by: %s", tostring(cause))
    if cause.traceback then write("error", "luvisor", "%s", cause.traceback) end
    cause = cause.cause
  end
end

local function is_success(why, stopped)
  return stopped and why.kind ~= "error" or exit.is_normal(why)
end

local function start(loaded, place, write, enabled, has_repl)
  local world = env.new { write = write, enabled = enabled, sockets = sockets.new(manager.sockets()) }
  local tree
  generation.use(loaded.generation)
  world.settings, world.source = loaded.settings, loaded.source
  subscribers.add(world, loaded.subscribers)
  world.adopt = function(spec, parent) return loader.adopt(spec, parent.spec, world.settings) end
  tree = trees.new(world, loaded.root, function(why)
    if tree.over then return end -- it was told to end twice
    report_end(write, why)
    tree.over = true
    world.sockets.close()
    world.cgroups.close()
    leftovers.finish(place, write, function()
      annals.close(why)
      signals.close()
      reload.close()
      if has_repl then local_repl.close() end
      control.close()
      instance.release()
      control.say_goodbye()
      system.quit(is_success(why, tree.stopping) and OK or FAILED)
    end)
  end)
  script.set_tree(tree)
  return tree
end

-- A log file that cannot be written costs lines, never a program.
local function report_trouble(write)
  process.on_trouble(function(path, message, lines)
    if path == log.path then -- the log itself cannot say it
      return complain(message and ("%s: %s, lines are dropped"):format(path, message)
        or ("%s: no more lines are dropped, %d were"):format(path, lines))
    end
    if message then return write("error", "luvisor", "%s: %s, lines are dropped", path, message) end
    write("warn", "luvisor", "%s: no more lines are dropped, %d were", path, lines)
  end)
end

-- From here on nothing that does not come back to the loop holds up the others.
local function watch(settings, write)
  local ok, message = runtime.watch(settings.slice, settings.stall, settings.kill)
  if not ok then write("error", "luvisor", "no watchdog, a worker that runs away stops everything: %s", message) end
end

-- A host that cannot be controlled is still one that keeps its units alive.
local function open_control(place, context)
  if not place then return end
  local ok, message = control.open(place, context)
  if not ok then context.log("warn", "luvisor", "no control socket: %s", message) end
end

-- What can be asked of a host is loaded for the first who asks.
local ASKED = { __index = function(context, key)
  if key ~= "methods" then return nil end
  context.methods = require "luvisor.edge.methods"
  return context.methods
end }

-- The tree is up.
local function announce(troubles, in_background)
  local note = troubles[1] and "the tree is up, but not all of it: " .. table.concat(troubles, ", ")
  if in_background then daemon.up(note or "") end
  manager.ready(note or "the tree is up")
end

local function fail(message, code)
  complain(message)
  daemon.tell(message)
  instance.release()
  return code
end

-- Of a host in the background everything is in place, and nothing of its caller's left, before it starts anything.
local function open_log(options, place)
  local ok, message = true, nil
  if options.daemon then ok, message = daemon.detach(place.log) end
  if not ok then return nil, message end
  local file
  file, message = log.open(options)
  if file == nil then return nil, message end
  local write, enabled = log.new { level = options["log-level"], format = options["log-format"], file = file }
  return journal.keep(options.daemon and daemon.relay(write) or write, enabled), enabled
end

local function calm_down()
  collectgarbage("incremental", USUAL.pause, USUAL.work)
end

-- A large script leaves much behind when it was read, and so do the many that it starts: the others can have the room.
local function tidy_up()
  collectgarbage()
  collectgarbage("incremental", EAGER.pause, EAGER.work)
  runtime.after(STARTED, calm_down)
end

local function load(path)
  local before = collectgarbage "count"
  local loaded, message = bounds.load(path)
  if collectgarbage "count" - before > LARGE then tidy_up() end
  return loaded, message
end

--- Runs a tree until it ends.
---@param path string
---@param options table<string, string>
---@param arguments string[] the whole command line
---@return integer|nil code nil while it runs
function run.tree(path, options, arguments)
  if options.daemon and options.repl then return fail("--repl needs the terminal that --daemon leaves", USAGE) end
  if options.daemon and system.pid() == 1 then return fail("PID 1 stays in the foreground", USAGE) end
  if options.daemon and not daemon.is_host() then return daemon.launch(arguments) end
  manager.take()
  local place, nameless, code = instance.take(options)
  if code then return fail(nameless, code) end
  local file = system.absolute(path) or path
  if options.watch then generation.identify(watches.stamp) end
  signals.begin()
  local loaded, message = load(path)
  if not loaded then return fail(message, USAGE) end
  local write, enabled = open_log(options, place)
  if not write then return fail(enabled, FAILED) end
  if nameless then write("warn", "luvisor", "no name: %s", nameless) end
  runtime.set_reporter(function(text) write("error", "luvisor", "%s", text) end)
  report_trouble(write)
  native.confine "host"
  watch(loaded.settings, write)
  local tree = start(loaded, place, write, enabled, options.repl)
  tree.on_stop = calm_down -- those who end need the time more than anybody the room
  reload.install { tree = tree, env = tree.env, write = write, path = path, file = file, loaded = loaded }
  if options.watch then reload.watch() end
  signals.install(tree, write, { reload = function(cause) reload.apply(cause) end })
  local context = setmetatable({
    tree = tree, env = tree.env, log = write, name = place and place.name, script = path,
    repl = not options["no-repl"],
  }, ASKED)
  open_control(place, context)
  context.history = annals.open(annals.path(options, loaded.settings, place), context, loaded.settings)
  up.watch(tree.env, tree, function(troubles) announce(troubles, options.daemon) end)
  manager.begin()
  tree.env.sockets.open_all(loaded.root)
  local function warn(unit, text) write("warn", unit, "%s", text) end
  elevation.each(loaded.root, warn)
  descriptors.check(loaded.root, warn)
  leftovers.settle(place, loaded.root, write, function(adoptions)
    tree.env.adoptions = adoptions
    if not tree.stopping then tree:start() end
  end)
  runtime.after(STARTED, function() thrift.begin() end)
  if options.repl then local_repl.open(context, signals.stopper(tree, write)) end
  return nil
end

-- ---- any file

-- os.exit ends the process at once, with what was printed.
local function exit_now(code)
  if code == nil or code == true then code = OK elseif code == false then code = FAILED end
  io.stdout:flush()
  system.exit(code)
end

--- Runs a Lua file, then the loop until nothing is left on it.
---@param operands string[] the file and its arguments
---@return integer|nil code
function run.file(operands)
  local path = operands[1]
  arg = table.move(operands, 2, #operands, 1, { [0] = path }) -- luacheck: ignore 121
  os.exit = exit_now -- luacheck: ignore 122
  local chunk, message = loadfile(path, "t")
  if not chunk then
    complain(message)
    return FAILED
  end
  local ok, reason = xpcall(chunk, debug.traceback, table.unpack(operands, 2))
  if ok then return nil end
  complain(tostring(reason))
  return FAILED
end

return run
