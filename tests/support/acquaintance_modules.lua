-- SPDX-License-Identifier: Apache-2.0
-- The workers of the spec of names, topics, monitors and links: the text of each module by its name.

local modules = {}

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
  check("find", puppet, luvisor.find(puppet).path)
  local found, info = pcall(luvisor.find(puppet).info, luvisor.find(puppet))
  check("info", puppet, found and info.path or info:match "^info: unit ([^ ]+) is not a unit of this runtime")
  check("find nobody", "NOT_FOUND", select(3, luvisor.find "nobody"))
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
  check("trap there", "nil", (order("trap"))) -- which returns nothing
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
