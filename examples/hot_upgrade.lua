-- SPDX-License-Identifier: Apache-2.0
-- New code for a worker that runs. Version 1 counts in ones and keeps { n = ... }; version 2 counts in tens, and keeps
-- { total = ..., from = ... }. Its `upgrade` makes the one of the other, and the worker goes on: same state, same
-- generation, nothing counted anew.
--
--   cp examples/hot_upgrade.lua tree.lua; scripts/run tree.lua                     in one terminal
--   sed -i 's/^local VERSION = 1/local VERSION = 2/' tree.lua; luvisor reload      in another
--   luvisor repl -e 'state "counter"'; luvisor rollback
--
-- Try: EXECUTOR=thread or EXECUTOR=process for the run; error("no") in `upgrade`: the old code goes on with its data.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local VERSION = 1

local Counter = worker.define { version = VERSION }

local count = {}

count[1] = function(data)
  data.n = data.n + 1
  return data.n
end

count[2] = function(data)
  data.total = data.total + 10
  return data.total
end

Counter:actor("starting", function(self)
  self.data = VERSION == 1 and { n = 0 } or { total = 0 }
  return "run"
end)

Counter:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.log:info("version %d, generation %d: %d", VERSION, self.generation, count[VERSION](self.data))
  return "keepalive"
end)

-- Also the way back: a rollback is an upgrade to the old code.
Counter:upgrade(function(_, old_version, data)
  if VERSION == old_version then return data end
  if VERSION == 2 then return { total = data.n, from = old_version } end
  return { n = data.total }
end)

return luvisor.supervisor {
  name = "hot",
  children = { luvisor.worker { name = "counter", module = Counter, executor = os.getenv "EXECUTOR" or "coroutine" } },
}
