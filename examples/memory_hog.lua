#!/usr/bin/env luvisor
-- A worker that takes all the memory that it can get: with a state of its own it has a limit, and what it does there
-- hurts nobody else. It is told as an exit of kind "memory", of which a policy can make something of its own.
-- On a thread the limit is that of its Lua state; EXECUTOR="process" makes it the same of a process.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Hog = worker.define()

Hog:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.log:info("generation %d eats", self.generation)
  local eaten = {}
  while true do eaten[#eaten + 1] = ("x"):rep(100000) .. #eaten end
end)

local Neighbour = worker.define()

Neighbour:actor("running", { every = 0.1 }, function(self)
  return self.stopping and "complete" or "keepalive"
end)

-- Once may be bad luck.
local function once_more(exit, history)
  if exit.kind == "memory" and #history > 1 then return "give_up" end
  return "restart"
end

return luvisor.supervisor {
  name = "farm",
  children = {
    luvisor.worker { name = "neighbour", module = Neighbour },
    luvisor.worker {
      name = "hog", module = Hog, executor = os.getenv "EXECUTOR" or "thread", memory = "16MB", restart = once_more,
    },
  },
}
