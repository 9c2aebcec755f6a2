-- SPDX-License-Identifier: Apache-2.0
-- Computing in a watched worker, against plain lua5.4 in the same run. usage: speed.lua [ROUNDS]
-- speed.fib, speed.methods, speed.resume: the time of luvisor as a multiple of that of lua5.4.

local here = arg[0]:match "^(.*)/"
package.path = here .. "/?.lua;" .. package.path
local bench = require "bench"
local fsm = require "luvisor.core.fsm"
local runtime = require "host.runtime"
local speed = require "speed_code"
local worker = require "luvisor.worker"

local ROUNDS = bench.argument(1, 100)
local TURNS = 5 -- of each of the two, one after the other

local ours, plain = {}, {}

local function note(times, name, time)
  times[name] = math.min(times[name] or math.huge, time)
end

local function run_plain()
  local pipe = assert(io.popen(("lua5.4 '%s/speed_code.lua' %d"):format(here, ROUNDS)))
  for line in pipe:lines() do
    local name, time = line:match "(%w+)\t(%S+)"
    note(plain, name, tonumber(time))
  end
  pipe:close()
end

local computing = worker.define { fsm = fsm.default(600) }
computing:actor("running", function(self)
  for name, fn in pairs(speed.code) do note(ours, name, speed.shortest(fn, ROUNDS)) end
  self.turns = (self.turns or 0) + 1
  run_plain()
  if self.turns < TURNS then return "keepalive" end
  for _, name in ipairs { "fib", "methods", "resume" } do
    bench.report("speed." .. name, ours[name] / plain[name], "x")
  end
  bench.finish()
end)

assert(runtime.watch(0.005, 1, 0.5))
bench.start({ children = { bench.worker("computing", computing, { start_timeout = 600 }) } },
  function() end)
