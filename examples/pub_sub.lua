#!/usr/bin/env luvisor
-- Publish and subscribe: a station tells whoever takes part in a topic, and knows none of them. Where each of them runs
-- is one word (EXECUTORS="process thread coroutine" puts them elsewhere).
--
-- One of the readers fails at its third report. It is out of the topic at once, and in it again when it is back.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local executors = {}
for word in (os.getenv "EXECUTORS" or "coroutine thread process"):gmatch "%a+" do executors[#executors + 1] = word end

local Station = worker.define()
Station:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  self.number = (self.number or 0) + 1
  self.log:info("report %d has %d readers", self.number, self:publish("weather", "report", self.number))
  return "keepalive"
end)

local Reader = worker.define()
Reader:actor("starting", function(self)
  self:join "weather"
  return "run"
end)
Reader:actor("running", function(self)
  local _, number = self:receive { luvisor.ANY, luvisor.match.integer }
  if self.stopping then return "complete" end
  self.log:info("reads report %d", number)
  self.read = (self.read or 0) + 1
  if self.args.fails and self.read == 3 then error("this is too much", 0) end
  return "keepalive"
end)

return luvisor.supervisor {
  name = "weather", intensity = { restarts = 10, within = 1 },
  children = {
    luvisor.worker { name = "reader", module = Reader, executor = executors[1], args = {} },
    luvisor.worker { name = "nervous", module = Reader, executor = executors[2], args = { fails = true } },
    luvisor.worker { name = "station", module = Station, executor = executors[3],
      after = { reader = "ready", nervous = "ready" } },
  },
}
