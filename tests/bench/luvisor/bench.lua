-- SPDX-License-Identifier: Apache-2.0
-- What the drivers share: a tree on the real scheduler that says nothing, clocks, and the form of a figure. A driver
-- is run as `luvisor lua DRIVER.lua N ...` and prints a line for each figure: name, value and unit, with tabs between.

local envs = require "luvisor.edge.env"
local generations = require "luvisor.edge.load.generation"
local loader = require "luvisor.edge.loader"
local runtime = require "host.runtime"
local spec = require "luvisor.core.spec"
local task = require "host.task"
local trees = require "luvisor.machine.tree"
local uv = require "luv"

local bench = {}

local WHERE = { file = "bench", line = 1 }
local PAGE = 4096

--- A window that no restart ever overflows: what is measured is the restart, not the giving up.
bench.any_number = { restarts = 1000000000, within = 1 }

-- ---- arguments and figures

--- The n-th argument of the driver as a number.
function bench.argument(n, default)
  return tonumber(arg[n]) or default
end

--- Prints a figure.
function bench.report(name, value, unit)
  io.write(("%s\t%.9g\t%s\n"):format(name, value, unit))
end

--- The value below which a share of the list lies; sorts the list.
function bench.percentile(list, share)
  table.sort(list)
  return list[math.max(1, math.ceil(#list * share))]
end

--- Ends the driver.
function bench.finish()
  os.exit(0)
end

-- ---- clocks and memory

--- Seconds of a monotonic clock.
function bench.now()
  return uv.hrtime() / 1e9
end

--- Seconds of CPU that the process has used.
function bench.cpu()
  local usage = uv.getrusage()
  return usage.utime.sec + usage.stime.sec + (usage.utime.usec + usage.stime.usec) / 1e6
end

--- Resident bytes of the process.
function bench.resident()
  local file = assert(io.open "/proc/self/statm")
  local _, pages = file:read("n", "n")
  file:close()
  return pages * PAGE
end

-- ---- trees

--- A worker's spec.
function bench.worker(name, definition, keys)
  local given = { name = name, module = definition }
  for key, value in pairs(keys or {}) do given[key] = value end
  return assert(spec.worker(given, WHERE))
end

--- `count` specs of workers of a definition.
function bench.workers(count, definition, keys)
  local list = {}
  for i = 1, count do list[i] = bench.worker("w" .. i, definition, keys) end
  return list
end

--- A supervisor's spec.
function bench.supervisor(name, keys)
  keys.name = name
  return assert(spec.supervisor(keys, WHERE))
end

--- Starts a tree, and calls fn with its root when it runs.
function bench.start(keys, fn)
  local source = keys.source or {}
  keys.source = nil
  local root, settings = assert(spec.resolve(bench.supervisor("bench", keys), {}, {}))
  assert(loader.prepare(root, settings))
  local env = envs.new { write = function() end, enabled = {} }
  source.files = generations.sources() -- as a script's
  env.settings, env.source = settings, source
  local tree = trees.new(env, root, function(why) error("the tree ended: " .. tostring(why)) end)
  tree.on_ready = function() runtime.post(fn, tree.root) end
  tree:start()
end

--- Calls fn as soon as predicate() holds; it is asked again and again.
function bench.when(predicate, fn)
  if predicate() then return fn() end
  runtime.post(bench.when, predicate, fn)
end

--- The same, asked only every so many seconds.
function bench.watch(every, predicate, fn)
  runtime.after(every, function()
    if predicate() then return fn() end
    bench.watch(every, predicate, fn)
  end)
end

--- Calls a worker's actor now, before its pause is over.
function bench.nudge(unit)
  task.nudge(unit.task)
end

bench.post, bench.after = runtime.post, runtime.after

return bench
