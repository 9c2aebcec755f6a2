-- SPDX-License-Identifier: Apache-2.0
-- The first of N workers under one_for_one crashes again and again. usage: restart.lua [N [SAMPLES]]
-- restart.p50, restart.p99: from the word to crash until the actor of "running" is called again.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local worker = require "luvisor.worker"

local N, SAMPLES = bench.argument(1, 100), bench.argument(2, 2000)

local victim, began, is_to_crash
local latencies = {}

local function crash_again()
  began, is_to_crash = bench.now(), true
  bench.nudge(victim)
end

local function note_return()
  latencies[#latencies + 1] = bench.now() - began
  began = nil
  if #latencies < SAMPLES then return bench.post(crash_again) end
  bench.report("restart.p50", bench.percentile(latencies, 0.5) * 1e6, "us")
  bench.report("restart.p99", bench.percentile(latencies, 0.99) * 1e6, "us")
  bench.finish()
end

local crashing = worker.define()
crashing:actor("running", { every = 1 }, function(self)
  if began and self._unit == victim then
    if not is_to_crash then
      note_return()
    else
      is_to_crash = nil
      error "boom"
    end
  end
  return "keepalive"
end)

bench.start({ intensity = bench.any_number, children = bench.workers(N, crashing) }, function(supervisor)
  victim = supervisor.children:get(1)
  bench.after(0.1, crash_again)
end)
