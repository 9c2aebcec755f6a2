-- SPDX-License-Identifier: Apache-2.0
-- How long a client waits for the status of a host in which one worker never gives way, and N others beat every 100 ms.
-- usage: luvisor lua runaway_status.lua [N [SAMPLES]]

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local client = require "client"

local N, SAMPLES = bench.argument(1, 1000), bench.argument(2, 200)

local TREE = [[
local luvisor, worker = require "luvisor", require "luvisor.worker"
luvisor.defaults { heartbeat = 600, stall = 600 }
local beating, spinning = worker.define(), worker.define()
beating:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
spinning:actor("running", function() while true do end end)
local children = { luvisor.worker { name = "spins", module = spinning } }
for i = 1, %d do children[i + 1] = luvisor.worker { name = "w" .. i, module = beating } end
return luvisor.supervisor { name = "top", children = children }
]]

local host, times = client.connect((client.run(TREE:format(N)))), {}
for _ = 1, 10 do client.ask(host, client.STATUS) end
for i = 1, SAMPLES do times[i] = client.ask(host, client.STATUS) end
client.clean_up()
bench.report("runaway_status.p50", bench.percentile(times, 0.5), "ms")
bench.report("runaway_status.most", bench.percentile(times, 1), "ms")
os.exit(0)
