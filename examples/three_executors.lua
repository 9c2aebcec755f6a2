#!/usr/bin/env luvisor
-- A pipeline over three executors. Each of the workers is the same module; where it runs is one word, and the pipeline
-- may be put together in any other way (EXECUTORS="process thread coroutine" does that).
--
-- One counts on the host's own thread, one computes on a thread with a limit of memory, and one lives in a process,
-- together with a program. Look at all of it with `luvisor status`; kill the process, and it is back.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local executors = {}
for word in (os.getenv "EXECUTORS" or "coroutine thread process"):gmatch "%a+" do executors[#executors + 1] = word end

local Step = worker.define()

Step:actor("starting", function(self)
  self.sum = 0
  return "run"
end)

Step:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  for i = 1, self.args.work do self.sum = (self.sum + i * i) % 1000003 end
  self.rounds = (self.rounds or 0) + 1
  if self.rounds == 3 then self.log:info("has done three rounds, sum %d", self.sum) end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "three",
  children = {
    luvisor.worker { name = "light", module = Step, executor = executors[1], args = { work = 10 } },
    luvisor.worker { name = "heavy", module = Step, executor = executors[2], args = { work = 100000 } },
    luvisor.supervisor {
      name = "apart", executor = executors[3],
      children = {
        luvisor.worker { name = "step", module = Step, args = { work = 1000 } },
        luvisor.program { name = "tail", command = "tail -f /dev/null" },
      },
    },
  },
}
