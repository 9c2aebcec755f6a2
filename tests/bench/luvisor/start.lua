-- SPDX-License-Identifier: Apache-2.0
-- Starts N workers in a pool, one after the other. usage: start.lua [N]
-- start.time: until the last one runs, for each; start.memory: what became resident, for each.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local worker = require "luvisor.worker"

local N = bench.argument(1, 100000)

local idle = worker.define()
idle:actor("running", { every = 1 }, function() return "keepalive" end)

local pool = { strategy = "simple_one_for_one", intensity = bench.any_number, template = bench.worker("w", idle) }

bench.start(pool, function(supervisor)
  collectgarbage()
  local resident, began = bench.resident(), bench.now()
  for _ = 1, N do dynamic.start_child(supervisor, nil, dynamic.ignore) end
  local last = supervisor.children:find(N)
  bench.when(function() return last.phase == "running" end, function()
    bench.report("start.time", (bench.now() - began) / N * 1e6, "us")
    bench.report("start.memory", (bench.resident() - resident) / N, "B")
    bench.finish()
  end)
end)
