-- SPDX-License-Identifier: Apache-2.0
-- What signals do to the host.

local host = require "host"

local HEAD = [[
local luvisor = require "luvisor"
local define = require("luvisor.worker").define
local function worker(name, running, keys)
  local definition = define()
  definition:actor("running", { every = 0.1 }, running
    or function(self) return self.stopping and "complete" or "keepalive" end)
  local spec = { name = name, module = definition }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.worker(spec)
end
]]

describe("the host", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function spawn(text, env)
    host.write(directory .. "/tree.lua", HEAD .. text)
    return host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
  end

  local PLAIN = [[return luvisor.supervisor { name = "top", children = { worker "a",
    luvisor.program { name = "p", command = { "sleep", "600" }, ready = { after = 0 } } } }]]

  local STUBBORN = [[return luvisor.supervisor { name = "top", children = {
    worker("deaf", function() return "keepalive" end, { shutdown = 60 }),
    luvisor.program { name = "p", command = { "sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done" },
      ready = { after = 0 } } } }]]

  for _, name in ipairs { "term", "int" } do
    it(("stops in reverse order and ends with 0 on SIG%s #valgrind"):format(name:upper()), function()
      local process = spawn(PLAIN)
      process:expect "top starting %-> running"
      process:expect "top/p STARTING %-> RUNNING"
      process:signal("sig" .. name)
      assert.equal(0, (process:wait(15)), process:output())
      local log = process:stderr()
      local stopping, p = log:find("SIG" .. name:upper() .. ": stopping", 1, true), log:find("top/p stopped", 1, true)
      local a, over = log:find("top/a stopped", 1, true), log:find("the tree ended: shutdown", 1, true)
      assert.is_true(stopping < p and p < a and a < over, log)
    end)
  end

  it("is stopped while it starts", function()
    local process = spawn [[
      local slow = define()
      slow:actor("starting", function(self) if not self.stopping then self:sleep(8) end return "run" end)
      slow:actor("running", function(self) return self.stopping and "complete" or "keepalive" end)
      return luvisor.supervisor { name = "top",
        children = { worker "a", luvisor.worker { name = "slow", module = slow }, worker "b" } }]]
    process:expect "slow idle %-> starting"
    process:signal "sigterm"
    assert.equal(0, (process:wait(5)), process:output())
  end)

  it("kills everything on the second signal #valgrind", function()
    local process = spawn(STUBBORN)
    process:expect "top/p STOPPED %-> STARTING"
    process:expect "up\n" -- stdout may come before the log
    process:signal "sigterm"
    process:expect "SIGTERM: stopping"
    host.stay(0.3)
    assert.is_nil(process.over)
    process:signal "sigint"
    local code, signal = process:wait(10)
    assert.equal(0, signal, process:output())
    assert.is_true(code == 0 or code == 1)
    assert.truthy(process:stderr():find("SIGINT again: killing everything", 1, true))
    assert.truthy(process:stderr():find("top/p stopped", 1, true))
  end)

  it("leaves no program behind when it is killed itself", function()
    local process = spawn(PLAIN)
    local pid = process:expect "top/p STOPPED %-> STARTING %(pid (%d+)%)"
    process:signal "sigkill"
    process:wait(10)
    local uv = require "luv"
    assert.truthy(host.wait_until(function() return not uv.kill(math.tointeger(tonumber(pid)), 0) end, 5))
  end)

  it("writes its tree to the log on SIGQUIT, and goes on", function()
    local process = spawn [[return luvisor.supervisor { name = "top", children = { worker "a",
      worker("bad", function(self) if self.generation < 3 then error("oops", 0) end return "keepalive" end,
        { shutdown = "kill" }) } }]]
    process:expect("top/bad starting %-> running", 10, 3)
    process:signal "sigquit"
    process:expect "luvisor top running\n"
    process:expect "luvisor   a running\n"
    process:expect "luvisor   bad running, 2 restarts, last exit: error: oops\n"
    assert.equal(0, process:stop())
  end)

  it("answers SIGHUP and SIGUSR1, and goes on", function()
    local process = spawn(PLAIN)
    process:expect "top/p STARTING %-> RUNNING"
    process:signal "sighup"
    process:expect "reload: nothing has changed"
    process:signal "sigusr1"
    process:expect "SIGUSR1: reopening 0 log files"
    process:signal "sigpipe"
    assert.equal(0, process:stop())
  end)

  -- 3.30. The control arm runs beside it: the same two seconds by the real clock, put off with every turn, do run out.
  local PAUSED = [[
    local runtime = require "host.runtime"
    local children, watch = {}, nil
    local function late() io.stderr:write "the real clock ran out\n" end
    for i = 1, 20 do children[i] = worker("w" .. i) end
    children[21] = worker("watched", function(self)
      runtime.cancel(watch)
      watch = runtime.after(2, late)
      return self.stopping and "complete" or "keepalive"
    end)
    children[22] = worker("busy", function(self)
      self:sleep(0.05)
      return self.stopping and "complete" or "keepalive"
    end)
    return luvisor.supervisor { name = "top", children = children }]]

  it("restarts nobody after it was paused; by the real clock everybody would have been late (3.30)", function()
    local process = spawn(PAUSED)
    process:expect "top starting %-> running"
    for round = 1, 2 do
      host.stay(0.3)
      process:signal "sigstop"
      host.stay(3.5)
      process:signal "sigcont"
      process:expect("the real clock ran out", 5, round)
      host.stay(1)
    end
    assert.equal(0, process:stop())
    assert.equal(0, process:count "restarts", process:output())
    assert.equal(22, process:count "idle %-> starting %(start%)" - 1, process:output())
  end)

  it("still finds one that hangs after the pause", function()
    local process = spawn [[return luvisor.supervisor { name = "top", children = { worker "a",
      worker("hangs", function(self) self:sleep(1000) end) } }]]
    process:expect "hangs starting %-> running"
    process:signal "sigstop"
    host.stay(3)
    process:signal "sigcont"
    process:expect("top/hangs ended: timeout: heartbeat 2 s in running, restarts", 5)
    assert.equal(1, process:count "top/a idle %-> starting")
    assert.equal(0, process:stop())
  end)
end)
