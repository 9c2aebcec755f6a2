-- SPDX-License-Identifier: Apache-2.0
-- A worker that never gives way beside N others that beat every 100 ms. usage: runaway.lua [N [SECONDS]]
-- runaway.late: how late the latest of their turns came. runaway.looks: how often the watchdog looked in a second in
-- which nothing happened.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local fsm = require "luvisor.core.fsm"
local runtime = require "host.runtime"
local worker = require "luvisor.worker"

local N, SECONDS = bench.argument(1, 1000), bench.argument(2, 3)
local PACE, QUIET = 0.1, 0.2

local last, worst, over = {}, 0, false

local beating = worker.define()
beating:actor("running", { every = PACE }, function(self)
  local now, before = bench.now(), last[self]
  if over then self:sleep(60) end
  if before then worst = math.max(worst, now - before - PACE) end
  last[self] = now
  return "keepalive"
end)

local spinning = worker.define { fsm = fsm.default(600) }
spinning:actor("running", function()
  while not over do end -- luacheck: ignore 542
  return "complete"
end)

local children = bench.workers(N, beating, { fsm = fsm.default(600) })
children[N + 1] = bench.worker("spinning", spinning, { restart = "temporary" })

local function finish(looks)
  bench.report("runaway.late", worst * 1e3, "ms")
  bench.report("runaway.looks", runtime.looks() - looks, "1/s")
  bench.finish()
end

assert(runtime.watch(0.005, 1, 0.5))
bench.start({ children = children }, function()
  worst = 0
  runtime.after(SECONDS, function()
    over = true
    runtime.after(PACE + QUIET, function() runtime.after(1, finish, runtime.looks()) end)
  end)
end)
