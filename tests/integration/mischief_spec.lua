-- SPDX-License-Identifier: Apache-2.0
-- A clock on the wall that jumps by years, and a kernel that has no process to give for a while (3.19, 3.29): neither
-- fails anybody.

local host = require "host"
local uv = require "luv"

local MISCHIEF = host.binary:match "^(.*)/[^/]*$" .. "/helpers/mischief.so"
local DAY, YEAR = 86400, 365 * 86400

local maybe = host.binary:find "[at]san/" and function(name) pending(name .. ": a sanitizer wants to come first") end
  or it

describe("a host in a world of mischief", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function ask(text) host.write(directory .. "/mischief", text) end

  local function run(children)
    host.write(directory .. "/tree.lua", ([[
      local luvisor, system = require "luvisor", require "host.system"
      local Beats = require("luvisor.worker").define()
      Beats:actor("starting", function() return "run" end)
      Beats:actor("running", { every = 0.05 }, function(self)
        if self.stopping then return "complete" end
        self.turns = (self.turns or 0) + 1
        if self.turns %% 10 == 0 then self.log:info("turn %%d", self.turns) end
        self.began = self.began or system.wall()
        if system.wall() > self.began + 1000 then self.log:info "by the wall it is late" end
        return "keepalive"
      end)
      return luvisor.supervisor { name = "top", children = { %s } }]]):format(children))
    return host.spawn({ "run", "tree.lua" }, { LD_PRELOAD = MISCHIEF, MISCHIEF = directory .. "/mischief" },
      { cwd = directory })
  end

  maybe("does not mind the clock on the wall, whose time it shows", function()
    local process = run [[
      luvisor.worker { name = "w", module = Beats },
      luvisor.program { name = "p", command = "sleep 1000", ready = { after = 0 }, max_age = 1000,
        health = { exec = "true", every = 0.1, grace = 0.1 } },
      luvisor.program { name = "job", command = "true", schedule = { every = 0.5 }, ready = { after = 0 } }]]
    process:expect "top starting %-> running"
    for _, jump in ipairs { DAY, -DAY, 10 * YEAR, -10 * YEAR } do
      ask(("wall %d\n"):format(jump))
      process:expect("top/w turn", 10, process:count "top/w turn" + 3)
      process:expect("top/job %S+ %-> STARTING", 10, process:count "top/job %S+ %-> STARTING" + 1)
      local year = os.date("%Y", os.time() + jump)
      assert.truthy(process:output():find(("\n%s%%-[^\n]* top/w turn"):format(year)), process:output())
    end
    assert.is_true(process:count "by the wall it is late" > 0) -- the control: who asks that clock is misled
    for _, sign in ipairs { "STOPPING", "UNHEALTHY", "BACKOFF", "top/w terminating" } do
      assert.equal(0, process:count("top/[pw] [^\n]*" .. sign), process:output())
    end
    assert.equal(1, process:count "top/p STARTING %-> RUNNING")
    assert.equal(0, process:stop())
  end)

  for name, number in pairs { EAGAIN = 11, ENOMEM = 12 } do
    maybe("starts its programs when the kernel can make processes again: " .. name, function()
      ask(("clone %d\n"):format(number))
      local process = run [[luvisor.program { name = "p", command = "sleep 1000", ready = { after = 0 },
        restart = luvisor.restart.retries(1), backoff = { min = 0.05, max = 0.05 } }]]
      process:expect("ended: clone: [^\n]*, restarts in", 10, 4) -- more often than it may fail
      assert.equal(0, process:count "FATAL")
      ask ""
      process:expect "top/p STARTING %-> RUNNING"
      assert.equal(0, process:stop())
    end)
  end

  maybe("gives up, in the same place, on what is the program's own fault", function()
    local process = run [[luvisor.program { name = "p", command = "/no/such", ready = { after = 0 },
      restart = luvisor.restart.retries(1), backoff = { min = 0.05, max = 0.05 } }]]
    process:expect "FATAL"
    assert.equal(0, process:stop())
  end)

  -- libuv makes its threads at the first lookup of a name, and ends the process if it cannot; the log has one, too.
  maybe("lives on without threads, and says later what it could not say", function()
    local server = assert(uv.new_tcp())
    assert(server:bind("127.0.0.1", 0))
    assert(server:listen(8, function() end))
    ask "thread 11\n"
    local process = run(([[luvisor.program { name = "p", command = "sleep 1000",
      ready = { tcp = { "localhost", %d } } }]]):format(server:getsockname().port))
    local function refused() return (select(2, process:client { "status" }) or ""):find("EAI_CANCELED", 1, true) end
    assert.truthy(host.wait_until(refused, 20))
    assert.equal("", process:stderr()) -- the control: there is none
    ask ""
    process:expect "top/p STOPPED %-> STARTING"
    process:expect "top/p STARTING %-> RUNNING"
    server:close()
    assert.equal(0, process:stop())
  end)

  maybe("refuses work for threads that cannot be made, and takes it later", function()
    ask "thread 11\n"
    host.write(directory .. "/w.lua", [[
      local uv = require "luv"
      local W = require("luvisor.worker").define()
      W:actor("starting", function(self)
        self.data = {}
        return "run"
      end)
      W:actor("running", { every = 0.05 }, function(self)
        if self.stopping then return "complete" end
        local data = self.data
        local work = uv.new_work(function(n) return n + 1 end, function(n) data.has = n end)
        local queued, _, code = work:queue(6)
        if not queued then data.refused = code end
        return "keepalive"
      end)
      return W]])
    local process = run [[luvisor.worker { name = "w", module = "w" }]]
    local function says(text)
      assert.truthy(host.wait_until(function()
        return (select(2, process:client { "repl", "-e", "state('w').data" }) or ""):find(text, 1, true)
      end, 20), text)
    end
    says 'refused = "EAGAIN"'
    assert.falsy((select(2, process:client { "repl", "-e", "state('w').data" })):find("has =", 1, true))
    ask ""
    says "has = 7"
    assert.equal(0, process:stop())
  end)
end)
