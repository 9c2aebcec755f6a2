#!/usr/bin/env luvisor
-- A task queue: jobs wait in it, and whoever is idle fetches the next one. The queue monitors who has a job; one that
-- is lost with its worker goes to another. Where they run is one word each (EXECUTORS="process thread" puts the
-- queue into a process and those who work into threads).

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local JOBS = 60

local executors = {}
for word in (os.getenv "EXECUTORS" or "coroutine thread"):gmatch "%a+" do executors[#executors + 1] = word end

local Queue = worker.define()

Queue:actor("starting", function(self)
  self.waiting, self.idle, self.held, self.done = {}, {}, {}, 0
  for number = 1, JOBS do self.waiting[number] = number end
  return "run"
end)

local function put_back(self, path)
  table.insert(self.waiting, 1, self.held[path].job)
  self.held[path] = nil
end

local function give(self)
  while self.waiting[1] and self.idle[1] do
    local one, job = table.remove(self.idle, 1), table.remove(self.waiting, 1)
    self.held[one.path] = { job = job, reference = self:monitor(one.path) }
    self:reply(one.call, job)
  end
end

Queue:call("next", function(self, path)
  if self.held[path] then put_back(self, path) end -- it never heard of that one
  self.idle[#self.idle + 1] = { path = path, call = self:defer() }
  give(self)
end)

Queue:cast("done", function(self, path, result)
  local held = self.held[path]
  self:demonitor(held.reference)
  self.held[path] = nil
  self.done = self.done + 1
  if self.done == JOBS then self.log:info("all %d jobs are done, the last one is %d", JOBS, result) end
end)

Queue:info(function(self, what, reference)
  if what ~= "down" then return end
  for path, held in pairs(self.held) do
    if held.reference == reference then
      self.log:warn("job %d was lost with %s", held.job, path)
      put_back(self, path)
      break
    end
  end
  give(self)
end)

local Helper = worker.define()

Helper:actor("running", { every = 0.01 }, function(self)
  if self.stopping then return "complete" end
  local job = self:call({ "queue", timeout = 1 }, "next", self.path)
  if not job then return "keepalive" end
  if self.args.clumsy and self.generation == 1 then error("what was this job?", 0) end
  self:sleep(0.02) -- the work
  self:cast("queue", "done", self.path, job * job)
  return "keepalive"
end)

local helpers = {}
for number = 1, 3 do
  helpers[number] = luvisor.worker {
    name = "helper" .. number, module = Helper, executor = executors[2], args = { clumsy = number == 1 },
  }
end

return luvisor.supervisor {
  name = "office",
  children = {
    luvisor.supervisor { name = "helpers", children = helpers },
    luvisor.worker { name = "queue", module = Queue, executor = executors[1], after = { helpers = "ready" } },
  },
}
