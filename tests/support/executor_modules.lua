-- SPDX-License-Identifier: Apache-2.0
-- The workers of the specs of the executors: the text of each module by its name.

local modules = {}

modules.plain = [[
local worker = require "luvisor.worker"
local Plain = worker.define()
Plain:actor("starting", function(self)
  self.log:info("says generation %d, path %s, name %s, state %s, args %s %s, stopping %s", self.generation, self.path,
    self.name, self.state, self.args.text, math.type(self.args.number), tostring(self.stopping))
  return "run"
end)
Plain:actor("running", { every = 0.02 }, function(self)
  self.turns = (self.turns or 0) + 1
  if self.turns == 3 then self.log:info("third turn") end
  if self.stopping then
    self.log:info("takes its leave")
    return "complete"
  end
  return "keepalive"
end)
return Plain
]]

modules.ends = [[
local worker = require "luvisor.worker"
local Ends = worker.define()
Ends:actor("starting", function(self) return "run" end)
Ends:actor("running", { every = 0.02 }, function(self)
  if self.args.how == "error" then error("as ordered") end
  if self.args.how == "table" then error(setmetatable({}, { __tostring = function() return "an object" end })) end
  return self.args.how
end)
Ends:leave("running", "error", function(self, exit) self.log:info("hook saw %s", exit.kind) end)
return Ends
]]

modules.slow = [[
local worker = require "luvisor.worker"
local uv = require "luv"
local Slow = worker.define { fsm = require("luvisor").fsm {
  initial = "starting",
  transitions = { starting = { run = "running" }, running = { complete = require("luvisor").fsm.OK } },
  timeouts = { heartbeat = { running = 0.3 } },
} }
Slow:actor("starting", function(self)
  self.log:info("starts to %s", self.args.phase)
  if self.args.phase == "start" then self:sleep(100) end
  return "run"
end)
Slow:actor("running", { every = 0.02 }, function(self)
  local guard <close> = setmetatable({}, { __close = function() self.log:info("cleans up") end })
  self.log:info("is in its actor")
  if self.args.phase == "await" then
    local timer = uv.new_timer()
    self:await(timer.start, timer, 100000, 0)
  end
  if self.args.phase == "spin" then
    while true do pcall(function() while true do end end) end
  end
  if self.args.phase == "deaf" then
    while true do pcall(self.sleep, self, 0.05); self:beat() end
  end
  if self.args.phase == "sleep" then self:sleep(self.args.seconds or 100) end
  return self.stopping and "complete" or "keepalive"
end)
return Slow
]]

modules.hog = [[
local worker = require "luvisor.worker"
local Hog = worker.define()
Hog:actor("starting", function() return "run" end)
Hog:actor("running", { every = 0.01 }, function(self)
  self.kept = self.kept or {}
  for _ = 1, 64 do self.kept[#self.kept + 1] = ("x"):rep(16384 + #self.kept) end
  if #self.kept >= 4096 then return "complete" end
  return "keepalive"
end)
return Hog
]]

modules.stuck = [[
local worker = require "luvisor.worker"
local uv = require "luv"
local Stuck = worker.define { fsm = require("luvisor").fsm {
  initial = "starting",
  transitions = { starting = { run = "running" }, running = { complete = require("luvisor").fsm.OK } },
  timeouts = { heartbeat = { running = 0.3 } },
} }
Stuck:actor("starting", function() return "run" end)
Stuck:actor("running", { every = 0.02 }, function(self)
  if self.args.generation and self.args.generation ~= self.generation then
    return self.stopping and "complete" or "keepalive"
  end
  self.log:info("goes into C")
  for _ = 1, self.args.times or 1 do
    if self.args.fifo then io.open(self.args.fifo):close() end -- waits there until somebody writes
    uv.sleep(self.args.ms or 0)
    if self.args.beats then self:beat() end
  end
  self.log:info("is back from C")
  return self.stopping and "complete" or "keepalive"
end)
return Stuck
]]

modules.callback = [[
local worker = require "luvisor.worker"
local uv = require "luv"
local Callback = worker.define()
Callback:actor("starting", function(self)
  if self.generation == 1 then
    local timer = uv.new_timer()
    timer:start(50, 0, function()
      self.log:info("goes into C")
      uv.sleep(self.args.ms)
      self.log:info("is back from C")
    end)
  end
  return "run"
end)
Callback:actor("running", { every = 0.02 }, function(self) return self.stopping and "complete" or "keepalive" end)
return Callback
]]

modules.dies = [[
local worker = require "luvisor.worker"
local uv = require "luv"
local Dies = worker.define()
Dies:actor("starting", function() return "run" end)
Dies:actor("running", { every = 0.02 }, function(self)
  if self.args.how == "exit" then os.exit(7) end
  if self.args.how == "zero" then os.exit(0) end
  uv.kill(uv.os_getpid(), self.args.how)
  return "keepalive"
end)
return Dies
]]

modules.echo = [[
local worker = require "luvisor.worker"
local Echo = worker.define()
Echo:call("echo", function(self, ...) return self.path, ... end)
Echo:call("nothing", function() end)
Echo:call("null", function() return nil end)
Echo:call("fail", function() error "as ordered" end)
Echo:cast("note", function(self, number)
  self.notes = self.notes or {}
  self.notes[#self.notes + 1] = number
end)
Echo:call("notes", function(self) return table.concat(self.notes or {}, " ") end)
return Echo
]]

modules.asks = [[
local worker = require "luvisor.worker"
local Asks = worker.define()
Asks:actor("running", function(self)
  local function say(what, ...)
    local row = table.pack(...)
    for i = 1, row.n do row[i] = tostring(row[i]) end
    self.log:info("%s: %s", what, table.concat(row, ", "))
  end
  say("echo", self:call("echo", "echo", 1, 2.5, "ü", true))
  say("table", self:call("root/echo", "echo", { deep = { 1, 2 } }))
  for _ = 1, 2 do
    say("values", select("#", self:call("echo", "nothing")), select("#", self:call("echo", "null")))
  end
  for i = 1, 20 do self:cast("echo", "note", i) end
  say("notes", self:call("echo", "notes"))
  say("nobody", self:call("nobody", "echo"))
  say("unknown", self:call("echo", "eco"))
  say("death", self:call("echo", "fail"))
  self.log:info("asked")
  return "complete"
end)
return Asks
]]

modules.twice = require "both_ways"

-- Takes nothing for a while, then all: numbers in their order.
modules.hoards = [[
local worker = require "luvisor.worker"
local Hoards = worker.define()
Hoards:actor("running", function(self)
  self:sleep(0.3)
  for number = 1, self.args.count do
    local came = self:receive(nil, 100)
    if came ~= number then error(("%s came in place of %d"):format(came, number)) end
    self:beat()
  end
  self.log:info("has all, in order")
  return "complete"
end)
return Hoards
]]

-- Sends so many numbers; one that is refused, again.
modules.sends = [[
local worker = require "luvisor.worker"
local Sends = worker.define()
Sends:actor("running", function(self)
  local refused
  for number = 1, self.args.count do
    while true do
      local ok, message, code = self:send("hoards", number)
      if ok then break end
      if not refused then self.log:info("refused after %d: %s, %s", number - 1, message, code) end
      if code ~= "EAGAIN" then error(message) end
      refused = true
      self:sleep(0.01)
    end
  end
  self.log:info("sent all")
  return "complete"
end)
return Sends
]]

modules.square = [[
return function(its, number, handle)
  if number < 0 then error("negative") end
  if number > 1000 then its:sleep(1000) end
  return number * number, handle, its:call("echo", "echo", number)
end
]]

-- Says in turn what becomes of tasks, on the executor that its arguments name.
modules.tasks = [[
local match = require("luvisor").match
local worker = require "luvisor.worker"
local Tasks = worker.define()
Tasks:actor("running", function(self)
  self:extend(30) -- ten starts of a process come in this turn
  local function say(what, ...)
    local row = table.pack(...)
    for i = 1, row.n do row[i] = tostring(row[i]) end
    self.log:info("%s: %s", what, table.concat(row, ", "))
  end
  local function on(what) return { what, executor = self.args.executor } end
  say("module", self:task(on "square", 7, self.unit):join())
  local function count(its, ...) return its.name:match "^task", select("#", ...), ... end
  say("function", self:task(on(count), nil, "x"):join())
  say("error", self:task(on "square", -1):join())
  say("nowhere", self:task(on "nowhere"), 1)
  local long = self:task(on "square", 1001)
  say("late", long:join(0.3))
  long:stop()
  say("stopped", long:join())
  local list = {}
  for index, square in self:stream({ 1, 2, 3, 4, 5 }, on "square", { concurrency = 2 }) do list[index] = square end
  say("stream", table.unpack(list))
  local one = self:notify_task(on "square", 3, self.unit)
  local ok, square = self:receive { "task", one.id, match.ANY, match.ANY, match.IGNORE, match.IGNORE, match.IGNORE }
  say("notified", ok, square)
  self:task(on "square", 1002)
  self.log:info("all said")
  return "complete"
end)
return Tasks
]]

return modules
