-- Run: `luvisor run` and `luvisor lua`: brings a script to life and gives the process its exit code.

local confine = require "luvisor.edge.confine"
local env = require "luvisor.edge.env"
local exit = require "luvisor.core.exit"
local loader = require "luvisor.edge.loader"
local log = require "luvisor.edge.log"
local process = require "host.process"
local runtime = require "host.runtime"
local script = require "luvisor.edge.script"
local signals = require "luvisor.edge.signals"
local system = require "host.system"
local trees = require "luvisor.machine.tree"

local run = {}

local OK, FAILED, USAGE = 0, 1, 2

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

local function start(loaded, write, enabled)
  local world = env.new { write = write, enabled = enabled }
  local tree
  world.subscribers, world.settings, world.source = loaded.subscribers, loaded.settings, loaded.source
  for kind in pairs(loaded.subscribers) do world.watch(kind) end
  world.adopt = function(spec, parent) return loader.adopt(spec, parent.spec, loaded.settings) end
  tree = trees.new(world, loaded.root, function(why)
    report_end(write, why)
    signals.close()
    system.quit(is_success(why, tree.stopping) and OK or FAILED)
  end)
  script.set_tree(tree)
  return tree
end

-- A log file that cannot be written costs lines, never a program.
local function report_trouble(write)
  process.on_trouble(function(path, message, lines)
    if message then return write("error", "luvisor", "%s: %s, lines are dropped", path, message) end
    write("warn", "luvisor", "%s: no more lines are dropped, %d were", path, lines)
  end)
end

--- Runs a tree until it ends.
---@param path string
---@param options table<string, string>
---@return integer|nil code nil while it runs
function run.tree(path, options)
  local loaded, message = loader.load(path)
  if not loaded then
    complain(message)
    return USAGE
  end
  local write, enabled = log.new { level = options["log-level"], format = options["log-format"] }
  runtime.set_reporter(function(text) write("error", "luvisor", "%s", text) end)
  report_trouble(write)
  confine.host()
  local tree = start(loaded, write, enabled)
  signals.install(tree, write)
  tree:start()
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
