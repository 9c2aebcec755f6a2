-- SPDX-License-Identifier: Apache-2.0
-- A fake host.process: programs that do what the spec tells them, and remember what was done to them.
--
-- fake.spawned lists the children. child:ends(code, signal) ends the leader, child:empties() everyone; callbacks come
-- at once, as they would from the loop. child.sent lists the signals to the group.
-- fake.failure = { message, code, stage } makes the next spawns fail.

local fake_process = {}

local Child = {}
Child.__index = Child

function Child:pid()
  return self.number
end

function Child:signal_group(signal, second)
  assert(not self.closed, "closed process")
  self.sent[#self.sent + 1] = signal
  self.sent[#self.sent + 1] = second
  return true
end

function Child:signal(signal)
  assert(not self.closed, "closed process")
  self.told = self.told or {}
  self.told[#self.told + 1] = signal
  return true
end

function Child:on_empty(fn, outlived)
  assert(self.ended, "asked before the leader ended")
  self.when_empty, self.when_outlived = fn, outlived
  if self.empty then fn() end
end

function Child:has(pid)
  return not self.empty and pid == self.number
end

function Child:members(fn)
  fn(self.empty and {} or { self.number })
  return true
end

function Child:tail()
  return self.said or ""
end

function Child:close()
  self.closed = true
end

local function leader_ends(self, code, signal, core)
  self.ended = true
  self.options.on_exit(code, signal, core or false)
end

--- The leader ends, others live on.
function Child:ends(code, signal, core)
  leader_ends(self, code, signal, core)
  if self.when_outlived then self.when_outlived(true) end
end

--- The last member has ended.
function Child:empties()
  self.empty = true
  local fn = self.when_empty
  self.when_empty = nil
  if fn then fn() end
end

--- The leader ends as the last one.
function Child:dies(code, signal, core)
  leader_ends(self, code, signal, core)
  self:empties()
end

function fake_process.new()
  local fake = { spawned = {}, instance = "host", host_environment = {}, logs = {} }

  function fake.spawn(options)
    if fake.failure then return nil, table.unpack(fake.failure) end
    local child = setmetatable({ options = options, sent = {}, number = 100 + #fake.spawned }, Child)
    fake.spawned[#fake.spawned + 1] = child
    return child
  end

  function fake.limit_log(options) fake.limited = options return true end

  -- open at once, unless the spec holds it back: fake.hold = {} collects fn(log, message, code)
  function fake.open_log(options, fn)
    local log = { options = options }
    function log.close() log.closed = true end
    fake.logs[#fake.logs + 1] = log
    if fake.hold then
      fake.hold[#fake.hold + 1] = function(...) if select("#", ...) > 0 then fn(...) else fn(log) end end
    else
      fn(log)
    end
    return true
  end

  function fake.environment()
    return fake.host_environment
  end

  return fake
end

return fake_process
