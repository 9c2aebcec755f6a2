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
    uv.sleep(self.args.ms)
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

-- Does what it is asked to, and keeps what it hears.
modules.puppet = [[
local luvisor = require "luvisor"
local uv = require "luv"
local worker = require "luvisor.worker"
local Puppet = worker.define()
local function path_of(handle) return handle and handle.path end
Puppet:actor("starting", function(self)
  self.heard = {}
  return "run"
end)
Puppet:call("do", function(self, method, ...) return self[method](self, ...) end)
Puppet:call("whereis", function(_, name) return path_of(luvisor.whereis(name)) end)
Puppet:call("echo", function(self, ...) return self.path, ... end)
Puppet:call("heard", function(self)
  local heard = table.concat(self.heard, "; ")
  self.heard = {}
  return heard
end)
Puppet:cast("note", function(self, text) table.insert(self.heard, text) end)
Puppet:cast("die", function(_, how)
  if how == "kill" then uv.kill(uv.os_getpid(), "sigkill") end
  if how == "sit" then uv.sleep(6000) end
  error("as ordered", 0)
end)
Puppet:info(function(self, ...)
  local row = table.pack(...)
  if row[1] == "down" then row = { "down", row[3].path, row[4].kind } end
  if row[1] == "exit" then row = { "exit", row[2].path, row[3].kind } end
  table.insert(self.heard, table.concat(row, " "))
end)
return Puppet
]]

-- Gets acquainted with a puppet and sees it die, which says what it has found with "ok" or "WRONG".
modules.acquainted = [[
local luvisor = require "luvisor"
local worker = require "luvisor.worker"
local Acquainted = worker.define { fsm = luvisor.fsm { initial = "starting",
  transitions = { starting = { run = luvisor.fsm.OK } } } }
local function paths(list)
  local all = {}
  for i, handle in ipairs(list) do all[i] = handle.path end
  return table.concat(all, " ")
end
local function text(...)
  local row = table.pack(...)
  for i = 1, row.n do row[i] = tostring(row[i]) end
  return table.concat(row, ", ")
end
Acquainted:actor("starting", function(self)
  local puppet, how, kind = self.args.puppet, self.args.how, self.args.kind
  local function check(what, wanted, ...)
    local got = text(...)
    self.log:info("%s %s: %s", got == wanted and "ok" or "WRONG", what, got)
  end
  local function order(...) return self:call(puppet, "do", ...) end

  check("name", "true", order("register", "famous"))
  check("name again", "nil, famous is the name of " .. puppet .. ", EEXIST", self:register("famous"))
  check("own name", "true", self:register("seeker"))
  check("name there", self.path, self:call(puppet, "whereis", "seeker"))
  check("whereis", puppet, luvisor.whereis("famous").path)
  check("names", "famous seeker", table.concat(luvisor.registered(), " "))
  check("call by name", puppet .. ", 1, nil, x", self:call("famous", "echo", 1, nil, "x"))
  check("cast by name", "true", self:cast("famous", "note", "one"))
  check("send by name", "true", self:send("famous", "two"))
  check("cast to the handle", "true", self:cast(luvisor.whereis("famous"), "note", "three"))
  check("in order", "one; two; three", self:call("famous", "heard"))

  check("join there", "true", order("join", "news"))
  check("join", "true", self:join("news"))
  check("join again", "true", self:join("news"))
  check("members", puppet .. " " .. self.path, paths(luvisor.members "news"))
  check("publish", "2", self:publish("news", "rain"))
  check("own news", "rain", self:receive("rain", 5))
  check("publish there", "2", order("publish", "news", "snow"))
  check("its news", "snow", self:receive("snow", 5))
  check("heard there", "rain; snow", self:call(puppet, "heard"))
  check("no function", "nil, cannot send a function, EINVAL", self:publish("news", print))
  check("leave", "true", self:leave("news"))
  check("leave again", "false", self:leave("news"))
  check("members left", puppet, paths(luvisor.members "news"))

  self:trap(true)
  check("no bond", "false", (pcall(self.monitor, self, "nobody")))
  local off, on = self:monitor(puppet), self:monitor("famous")
  self:demonitor(off)
  check("link", "true", self:link("famous"))
  check("link there", "true", order("link", self.path))
  check("monitor there", "true", order("monitor", "seeker") ~= nil)
  self:cast(puppet, "die", how)
  local reference, unit, why = self:receive({ "down", luvisor.ANY, luvisor.ANY, luvisor.ANY }, 10)
  check("down", text(true, puppet, kind), reference == on, unit.path, why.kind)
  unit, why = self:receive({ "exit", luvisor.ANY, luvisor.ANY }, 10)
  check("exit", text(puppet, kind), unit.path, why.kind)
  check("nothing else", "nil, timeout, ETIMEDOUT", self:receive(nil, 0.1))
  check("name gone", "nil", luvisor.whereis "famous")
  check("names left", "seeker", table.concat(luvisor.registered(), " "))
  check("topic gone", "0", self:publish("news", "more"))

  repeat self:sleep(0.05) until self:call(puppet, "echo")
  check("name anew", "true", order("register", "famous"))
  check("taken away", "true", luvisor.unregister "famous")
  check("taken away again", "false", luvisor.unregister "famous")
  check("call by no name", "NOT_FOUND", (select(3, self:call("famous", "echo"))))
  check("trap there", "nil", order("trap"))
  check("link again", "true", order("link", self.path))
  check("unlink", "true", self:unlink(puppet))
  check("link for ever", "true", order("link", self.path))
  check("watch", "true", order("monitor", self.path) ~= nil)
  self.log:info("is acquainted")
  return "run"
end)
return Acquainted
]]

return modules
