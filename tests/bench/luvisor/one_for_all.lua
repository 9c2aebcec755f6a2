-- SPDX-License-Identifier: Apache-2.0
-- The first of N workers under one_for_all crashes. usage: one_for_all.lua [N [SAMPLES]]
-- one_for_all.time: from the word to crash until the last worker runs again.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local worker = require "luvisor.worker"

local N, SAMPLES = bench.argument(1, 1000), bench.argument(2, 20)

local first, last, began, is_to_crash
local times = {}

local function crash_again()
  began, is_to_crash = bench.now(), true
  bench.nudge(first)
end

local function note_return()
  times[#times + 1] = bench.now() - began
  began = nil
  if #times < SAMPLES then return bench.post(crash_again) end
  bench.report("one_for_all.time", bench.percentile(times, 0.5) * 1e3, "ms")
  bench.finish()
end

local member = worker.define()
member:actor("running", { every = 1 }, function(self)
  if self.stopping then return "complete" end
  if is_to_crash and self._unit == first then
    is_to_crash = nil
    error "boom"
  end
  if began and not is_to_crash and self._unit == last then note_return() end
  return "keepalive"
end)

bench.start({ strategy = "one_for_all", intensity = bench.any_number, children = bench.workers(N, member) },
  function(supervisor)
    first, last = supervisor.children:get(1), supervisor.children:get(N)
    bench.after(0.1, crash_again)
  end)
