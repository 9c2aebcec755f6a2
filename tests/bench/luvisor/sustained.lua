-- SPDX-License-Identifier: Apache-2.0
-- N workers under one supervisor crash as soon as they run, for SECONDS. usage: sustained.lua [N [SECONDS]]
-- sustained.rate: restarts a second.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local worker = require "luvisor.worker"

local N, SECONDS = bench.argument(1, 100), bench.argument(2, 3)

local crashes = 0

local crashing = worker.define()
crashing:actor("running", { every = 1 }, function()
  crashes = crashes + 1
  error "boom"
end)

bench.start({ intensity = bench.any_number, children = bench.workers(N, crashing) }, function()
  local began, before = bench.now(), crashes
  bench.after(SECONDS, function()
    bench.report("sustained.rate", (crashes - before) / (bench.now() - began), "1/s")
    bench.finish()
  end)
end)
