-- SPDX-License-Identifier: Apache-2.0
-- The text of a worker that asks another of its kind the same the short way, which the second request to an address
-- goes, and the long way, which one with a time of its own goes, and tells where what comes of it differs.

return [[
local worker = require "luvisor.worker"
local Twice = worker.define()
Twice:call("later", function(self)
  self.deferred = self:defer()
  return "ignored"
end)
Twice:cast("now", function(self) self:reply(self.deferred, "at last") end)
Twice:call("echo", function(_, ...) return ... end)
Twice:call("nap", function(self, seconds)
  self:sleep(seconds)
  return "slept"
end)

Twice:call("end", function() error("as ordered", 0) end)
Twice:actor("running", { every = 0.05 }, function(self)
  local at, said = self.args and self.args.at, {}
  if not at then return self.stopping and "complete" or "keepalive" end
  if self.stopping then return "complete" end
  local function ask(...)
    local ways = { { at, timeout = 5 }, at }
    for i, way in ipairs(ways) do
      local row = table.pack(self:call(way, ...))
      if type(row[1]) == "table" then row[1] = row[1].deep.er end
      for k = 1, row.n do row[k] = tostring(row[k]) end
      ways[i] = table.concat(row, " ")
    end
    if ways[1] == ways[2] then said[#said + 1] = ways[1] else self.log:error("differ: %s / %s", ways[1], ways[2]) end
  end
  self:call(at, "echo")
  ask("echo")
  ask("echo", nil, false, 1.5)
  ask("echo", ("x"):rep(300))
  ask("echo", { deep = { er = 1 } })
  ask("echo", 1, 2, 3, 4, 5, 6)
  ask("echo", print)
  ask("ecco")
  ask("nap", 0.01)
  local none, _, code = self:call({ at, timeout = 0.05 }, "nap", 0.1)
  said[#said + 1] = tostring(none) .. code
  ask("echo", "after the nap")
  self:send_after(0.05, self.unit, "go")
  self:receive("go", 1)
  for _, target in ipairs { at, { at, timeout = 5 } } do
    self:call({ at, timeout = 0.01 }, "later")
    self:cast(at, "now")
    said[#said + 1] = tostring(self:call(target, "echo", "still there"))
  end
  local message
  none, message, code = self:call(at, "end")
  self.log:info("said %s", table.concat(said, "|"))
  self.log:info("end: %s %s %s", tostring(none), message, code)
  self.log:info("asked twice")
  self:sleep(60)
end)
return Twice
]]
