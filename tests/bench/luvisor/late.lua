-- SPDX-License-Identifier: Apache-2.0
-- N workers stop beating, one after the other. usage: late.lua [N]
-- late.p50, late.p99: how long after the deadline, 0.3 s from the last beat, the supervisor hears of it.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local fsm = require "luvisor.core.fsm"
local worker = require "luvisor.worker"

local N = bench.argument(1, 200)
local HEARTBEAT, PACE, BEATS = 0.3, 0.05, 4

local last_beat, lateness = {}, {}
local positions = {}

local stalling = worker.define { fsm = fsm.default(HEARTBEAT) }

-- so that no two of them stop at the same time
stalling:actor("starting", function(self)
  positions[self] = 0
  self:sleep(self.args.after)
  return "run"
end)

stalling:actor("running", { every = PACE }, function(self)
  positions[self] = positions[self] + 1
  if positions[self] > BEATS then self:sleep(60) end
  last_beat[self.args.name] = bench.now()
  return "keepalive"
end)

local function note_end(name)
  lateness[#lateness + 1] = bench.now() - (last_beat[name] + HEARTBEAT)
  if #lateness < N then return end
  bench.report("late.p50", bench.percentile(lateness, 0.5) * 1e3, "ms")
  bench.report("late.p99", bench.percentile(lateness, 0.99) * 1e3, "ms")
  bench.finish()
end

local children = {}
for i = 1, N do
  local name = "w" .. i
  children[i] = bench.worker(name, stalling, {
    args = { name = name, after = i * 0.0037 },
    restart = function(why)
      assert(why.deadline == "heartbeat", tostring(why))
      note_end(name)
      return "give_up"
    end,
  })
end

bench.start({ intensity = bench.any_number, children = children }, function() end)
