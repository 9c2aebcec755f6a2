-- SPDX-License-Identifier: Apache-2.0
-- One worker at a time crashes among N under one_for_one. usage: restart.lua [N [SAMPLES]]
-- restart.p50, restart.p99: from the word to crash until the actor of "running" is called again.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local worker = require "luvisor.worker"

local N, SAMPLES = bench.argument(1, 100), bench.argument(2, 10000)

local victim, on_return -- the unit that is to crash, then what is to be done when it runs again

local crashing = worker.define()
crashing:actor("running", { every = 1 }, function(self)
  if self._unit ~= victim then return "keepalive" end
  if on_return then
    on_return()
    return "keepalive"
  end
  on_return = victim.on_return
  error "boom"
end)

local function measure(supervisor)
  local children, latencies = supervisor.children.list, {}
  local began

  local function crash_next()
    if #latencies == SAMPLES then
      bench.report("restart.p50", bench.percentile(latencies, 0.5) * 1e6, "us")
      bench.report("restart.p99", bench.percentile(latencies, 0.99) * 1e6, "us")
      bench.finish()
    end
    victim = children[#latencies % N + 1]
    began = bench.now()
    bench.nudge(victim)
  end

  for _, child in ipairs(children) do
    child.on_return = function()
      latencies[#latencies + 1] = bench.now() - began
      victim, on_return = nil, nil
      bench.post(crash_next)
    end
  end
  crash_next()
end

bench.start({ intensity = bench.any_number, children = bench.workers(N, crashing) }, measure)
