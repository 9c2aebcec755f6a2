#!/usr/bin/env luvisor
-- A key-value store with a name. Those who use it know that name and nothing else: not its path, and not where it runs,
-- which is one word (EXECUTORS="process thread" puts both elsewhere).
--
-- The store forgets everything when it fails. Whoever uses it monitors it, hears of that, and puts its values in again.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local executors = {}
for word in (os.getenv "EXECUTORS" or "thread coroutine"):gmatch "%a+" do executors[#executors + 1] = word end

local Store = worker.define()
Store:actor("starting", function(self)
  self.values = {}
  assert(self:register "store")
  return "run"
end)
Store:cast("put", function(self, key, value) self.values[key] = value end)
Store:call("get", function(self, key) return self.values[key] end)
Store:cast("fail", function() error("the store is lost", 0) end)

local User = worker.define()
User:actor("running", function(self)
  if self.stopping then return "complete" end
  if not luvisor.whereis "store" then return self:sleep(0.05) and "keepalive" or "complete" end
  self:monitor "store"
  self:cast("store", "put", "answer", 42)
  self.log:info("the answer is %s", self:call("store", "get", "answer"))
  if not self.lost then self:cast("store", "fail") end
  local _, store, why = self:receive { "down", luvisor.ANY, luvisor.ANY, luvisor.ANY }
  if self.stopping then return "complete" end
  self.lost = true
  self.log:info("hears that %s is down: %s", store.path, why)
  return "keepalive"
end)

return luvisor.supervisor {
  name = "shelf",
  children = {
    luvisor.worker { name = "keeper", module = Store, executor = executors[1] },
    luvisor.worker { name = "user", module = User, executor = executors[2] },
  },
}
