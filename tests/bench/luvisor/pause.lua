-- SPDX-License-Identifier: Apache-2.0
-- N workers beat once a second, and one in ten of them makes garbage, so that the collector runs all the time.
-- usage: pause.lua [N [COLLECTIONS]]
-- pause.worst: the longest that a worker which wants a turn every millisecond is kept from it. It is told in CPU time
-- of the process, which what else runs on the machine does not lengthen.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local dynamic = require "luvisor.machine.supervisor.dynamic"
local worker = require "luvisor.worker"

local N, COLLECTIONS = bench.argument(1, 100000), bench.argument(2, 2)
local WARM_UP = 2.5
local LITTER = 20 -- tables a turn, about two KB

local function make_garbage()
  local made
  for i = 1, LITTER do made = { i, made } end
  return made
end

local beating = worker.define()
beating:actor("starting", function(self)
  self:sleep(math.random())
  return "run"
end)
beating:actor("running", { every = 1 }, function(self)
  if self._unit.name % 10 == 0 then make_garbage() end
  return "keepalive"
end)

local worst, before = 0, nil

local probe = worker.define()
probe:actor("running", { every = 0.001 }, function()
  local now = os.clock()
  if before then worst = math.max(worst, now - before) end
  before = now
  return "keepalive"
end)

-- collections are counted by an object that dies in each
local collections = 0
local function count_collections()
  setmetatable({}, { __gc = function()
    collections = collections + 1
    count_collections()
  end })
end

local pool = bench.supervisor("pool", { strategy = "simple_one_for_one", template = bench.worker("w", beating) })

local function measure()
  worst, collections = 0, 0
  bench.watch(0.1, function() return collections >= COLLECTIONS end, function()
    bench.report("pause.worst", worst * 1e3, "ms")
    bench.finish()
  end)
end

bench.start({ children = { bench.worker("probe", probe), pool } }, function(root)
  local supervisor = root.children:find "pool"
  for _ = 1, N do dynamic.start_child(supervisor, nil, dynamic.ignore) end
  count_collections()
  -- the first collection also frees what the start has left, which is no part of a life at this size
  bench.after(WARM_UP, function()
    bench.watch(0.1, function() return collections >= math.min(1, COLLECTIONS) end, measure)
  end)
end)
