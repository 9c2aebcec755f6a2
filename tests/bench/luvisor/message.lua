-- SPDX-License-Identifier: Apache-2.0
-- Workers ask another one, and tell it. usage: message.lua [N [CALLERS]]
-- call.one: a round trip, N of them by one caller; call.many: the same by CALLERS at once; cast.one: a cast, with a
-- call after every 500 that waits for them.

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
local bench = require "bench"
local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local N, CALLERS = bench.argument(1, 200000), bench.argument(2, 100)
local BATCH = 500

local server = worker.define()
server:actor("starting", function(self)
  self.count = 0
  return "run"
end)
server:call("add", function(self, by)
  self.count = self.count + by
  return self.count
end)
server:cast("add", function(self, by) self.count = self.count + by end)

local phases, done, root = {}, 0, nil

local function ask(self, count)
  for _ = 1, count do assert(self:call("server", "add", 1)) end
end

local function tell(self, count)
  for i = 1, count do
    assert(self:cast("server", "add", 1))
    if i % BATCH == 0 then ask(self, 1) end
  end
  ask(self, 1)
end

-- Each caller does what is asked of it; the last to be done goes on to what comes next.
local function measure(name, callers, count, what, next_one)
  local began = bench.now()
  done = 0
  for i = 1, callers do
    phases[i] = function(self)
      what(self, count // callers)
      done = done + 1
      if done < callers then return end
      bench.report(name, (bench.now() - began) / count * 1e6, "us")
      next_one()
    end
    bench.post(bench.nudge, root.children:find("caller" .. i)) -- not in the middle of its turn
  end
end

local function caller(number)
  local definition = worker.define {
    fsm = luvisor.fsm { initial = "running", transitions = { running = { complete = luvisor.fsm.OK } } },
  }
  definition:actor("running", { every = 1000 }, function(self)
    local phase = phases[number]
    phases[number] = nil
    if phase then phase(self) end
    return "keepalive"
  end)
  return definition
end

local children = { bench.worker("server", server) }
for i = 1, CALLERS do children[i + 1] = bench.worker("caller" .. i, caller(i)) end

bench.start({ children = children }, function(supervisor)
  root = supervisor
  measure("call.one", 1, N, ask, function()
    measure("call.many", CALLERS, N, ask, function()
      measure("cast.one", 1, N, tell, bench.finish)
    end)
  end)
end)
