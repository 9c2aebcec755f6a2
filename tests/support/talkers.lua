-- SPDX-License-Identifier: Apache-2.0
-- Talkers: a tree of workers that wait to be told what to do, for specs of messages.
--
--   local talk = talkers.new(worlds.new(), { counter = talkers.counter() })
--   local out = talk:run("client", function(self) return self:call("counter", "count") end)
-- `client` and every other name given to `run` is a worker that runs the functions it is given, one at a time.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local talkers = {}

local Talkers = {}
Talkers.__index = Talkers

local function client_definition(jobs)
  local definition = worker.define()
  definition:actor("starting", function() return "run" end)
  definition:actor("running", { every = 0.001 }, function(self)
    local job = table.remove(jobs, 1)
    if job then
      job.out = table.pack(job.fn(self))
      if job.out[1] == "complete" then return "complete" end
    end
    if self.stopping then return "complete" end
    self:beat()
    return "keepalive"
  end)
  return definition
end

--- The definition of a worker that counts, and answers, slowly or not at all.
function talkers.counter()
  local definition = worker.define()
  definition:actor("starting", function(self)
    self.count = 0
    return "run"
  end)
  definition:call("count", function(self) return self.count end)
  definition:call("add", function(self, by)
    self.count = self.count + by
    return self.count
  end)
  definition:cast("add", function(self, by) self.count = self.count + by end)
  definition:call("slow", function(self, seconds)
    self:extend(seconds + 1)
    self:sleep(seconds)
    return "slept", seconds
  end)
  definition:call("echo", function(_, ...) return ... end)
  definition:call("fail", function() error("cannot") end)
  definition:cast("fail", function() error("cannot") end)
  definition:cast("finish", function() return "complete" end)
  return definition
end

--- A tree of these definitions by name, and the clients named.
---@param world table
---@param definitions? table<string, table> by name, as they are or as { definition, key = value } with keys of the
---worker; a counter if there are none
---@param ... string names of clients, "client" if there are none
function talkers.new(world, definitions, ...)
  definitions = definitions or { counter = talkers.counter() }
  local self = setmetatable({ world = world, jobs = {} }, Talkers)
  local children, names = {}, {}
  for name in pairs(definitions) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local given, keys = definitions[name], { name = name }
    keys.module = worker.is(given) and given or given[1]
    for key, value in pairs(worker.is(given) and {} or given) do
      if key ~= 1 then keys[key] = value end
    end
    children[#children + 1] = luvisor.worker(keys)
  end
  for _, name in ipairs(select("#", ...) > 0 and { ... } or { "client" }) do
    self.jobs[name] = {}
    children[#children + 1] = luvisor.worker { name = name, module = client_definition(self.jobs[name]),
      fsm = luvisor.fsm { initial = "starting", transitions = { starting = { run = "running" },
        running = { complete = "stopped" }, stopped = luvisor.fsm.OK } } }
  end
  world:tree { children = children, intensity = { restarts = 100, within = 1 } }
  world:step(0.01)
  return self
end

--- Has a client run a function; the job's out is set when it has returned.
function Talkers:start(name, fn)
  local job = { fn = fn }
  table.insert(self.jobs[name], job)
  self.world:step(0.01)
  return job
end

--- The same, and lets time pass until it has returned: its results.
function Talkers:run(name, fn, seconds)
  local job = self:start(name, fn)
  for _ = 1, 100 do
    if job.out then return table.unpack(job.out, 1, job.out.n) end
    self.world:step((seconds or 10) / 100)
  end
  error(name .. " has not returned")
end

--- Has a client call a worker, and lets time pass until there is an answer.
function Talkers:call(name, ...)
  local row = table.pack(...)
  return self:run(name, function(caller) return caller:call(table.unpack(row, 1, row.n)) end)
end

return talkers
