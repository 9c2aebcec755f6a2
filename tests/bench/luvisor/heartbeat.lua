-- SPDX-License-Identifier: Apache-2.0
-- N workers beat once a second, each at a time of its own. usage: heartbeat.lua [N [SECONDS]]
-- heartbeat.cpu: share of one CPU; heartbeat.beat: CPU time of a beat.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local worker = require "luvisor.worker"

local N, SECONDS = bench.argument(1, 100000), bench.argument(2, 8)
local WARM_UP = 3 -- seconds; by then every worker has been in its pace for one turn at least

local beats = 0

local beating = worker.define()
beating:actor("starting", function(self)
  self:sleep(math.random())
  return "run"
end)
beating:actor("running", { every = 1 }, function()
  beats = beats + 1
  return "keepalive"
end)

local pool = { strategy = "simple_one_for_one", template = bench.worker("w", beating) }

bench.start(pool, function(supervisor)
  for _ = 1, N do dynamic.start_child(supervisor, nil, dynamic.ignore) end
  bench.after(WARM_UP, function()
    local cpu, began, before = bench.cpu(), bench.now(), beats
    bench.after(SECONDS, function()
      local used = bench.cpu() - cpu
      bench.report("heartbeat.cpu", used / (bench.now() - began) * 100, "%")
      bench.report("heartbeat.beat", used / (beats - before) * 1e6, "us")
      bench.finish()
    end)
  end)
end)
