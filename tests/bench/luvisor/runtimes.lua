-- SPDX-License-Identifier: Apache-2.0
-- N workers in runtimes of their own, started by one supervisor, and calls to one of them.
-- runtimes(executor): EXECUTOR.start, of each until all are ready; EXECUTOR.memory, resident, of each at rest;
-- EXECUTOR.trip: a call and its answer, the mean; EXECUTOR.again: of one that has ended, until it is ready, the median.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local running = require "luvisor.edge.running"
local unit = require "luvisor.machine.unit"
local worker = require "luvisor.worker"

local directory = arg[0]:match "^(.*)/" or "."
local N, TRIPS = bench.argument(1, 50), bench.argument(2, 2000)
local AGAIN = math.min(N, 20)
local REST = 0.1 -- seconds until one that runs is ended, so that nothing else is under way
local RESTED = 1 -- seconds until all that run have given back what they do not need

local root

-- Ends a worker again and again, and starts it.
local function again(executor)
  local one, times, began = root.children:find "w1", {}, nil
  local function finish_one() unit.ask_to_stop(one) end
  one.env.subscribe("exit", function()
    bench.post(function()
      began = bench.now()
      unit.start(one)
    end)
  end)
  one.env.subscribe("ready", function()
    times[#times + 1] = (bench.now() - began) * 1e6
    if #times < AGAIN then return bench.after(REST, finish_one) end
    bench.report(executor .. ".again", bench.percentile(times, 0.5), "us")
    bench.finish()
  end)
  bench.after(REST, finish_one)
end

-- It starts when all others are ready.
local function caller(executor, resident, started)
  local calling = worker.define()
  calling:actor("running", { every = 1 }, function(self)
    local began = bench.now()
    bench.report(executor .. ".start", (began - started) / N * 1e6, "us")
    self:sleep(RESTED)
    began = bench.now()
    bench.report(executor .. ".memory", (bench.resident() - resident) / N / 1024, "KB")
    for i = 1, TRIPS do assert(self:call("w1", "echo", i) == i) end
    bench.report(executor .. ".trip", (bench.now() - began) / TRIPS * 1e6, "us")
    bench.post(again, executor)
    return "complete"
  end)
  return calling
end

return function(executor)
  running.directory = directory
  local children = bench.workers(N, "echo", { executor = executor })
  local after = {}
  for i = 1, N do after["w" .. i] = "ready" end
  children[N + 1] = bench.worker("calls", caller(executor, bench.resident(), bench.now()), { after = after })
  bench.start({ children = children, source = { path = "bench", directory = directory } },
    function(of_tree) root = of_tree end)
end
