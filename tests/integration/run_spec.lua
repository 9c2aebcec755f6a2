-- SPDX-License-Identifier: Apache-2.0
-- luvisor run, from outside: exit codes, logs, and that a fault stays where it is.

local host = require "host"

local HEAD = [[
local luvisor = require "luvisor"
local define = require("luvisor.worker").define
local function well(self) return self.stopping and "complete" or "keepalive" end
local function worker(name, running, keys)
  local definition = define()
  definition:actor("running", { every = 0.05 }, running or well)
  local spec = { name = name, module = definition }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.worker(spec)
end
]]

describe("luvisor run", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function spawn(text, options, env)
    host.write(directory .. "/tree.lua", HEAD .. text)
    local args = { "run" }
    for _, option in ipairs(options or {}) do args[#args + 1] = option end
    args[#args + 1] = "tree.lua"
    return host.spawn(args, env, { cwd = directory })
  end

  local function finish(...)
    local process = spawn(...)
    local code = process:wait(15)
    assert(code, process:output())
    return code, process:stderr(), process:stdout()
  end

  describe("ends with", function()
    it("0 when all have ended well #valgrind", function()
      local code, log = finish [[return luvisor.supervisor { name = "top", children = {
        worker("a", function() return "complete" end), worker("b", function() return "complete" end) } }]]
      assert.equal(0, code, log)
      assert.truthy(log:find("the tree ended: normal", 1, true))
      assert.is_nil(log:find "error")
    end)

    it("1 when the root gives up, and says why, with all causes #valgrind", function()
      local code, log = finish [[return luvisor.supervisor { name = "top", intensity = { restarts = 0, within = 1 },
        children = { luvisor.supervisor { name = "sub", children = {
          worker("a", function() error "the reason" end) } } } }]]
      assert.equal(1, code, log)
      assert.truthy(log:find("the tree ended: error: more than 0 restarts within 1 s, last of sub", 1, true))
      assert.truthy(log:find("caused by: error: more than 3 restarts within 5 s, last of a", 1, true))
      assert.truthy(log:find("caused by: error: tree.lua:13: the reason", 1, true))
      assert.truthy(log:find("error luvisor tree.lua:13: in ", 1, true))
    end)

    it("1 when a start fails", function()
      local code, log = finish [[
        local d = define()
        d:actor("starting", function() error "no database" end)
        d:actor("running", well)
        return luvisor.supervisor { name = "top",
          children = { worker "b", luvisor.worker { name = "a", module = d } } }]]
      assert.equal(1, code, log)
      assert.truthy(log:find("failed to start child a: error: tree.lua:12: no database", 1, true))
    end)

    it("1 when a critical unit is FATAL", function()
      local code, log = finish [[return luvisor.supervisor { name = "top", children = { worker "b",
        luvisor.program { name = "p", command = { "./no-such" }, critical = true,
          restart = luvisor.restart.retries(0) } } }]]
      assert.equal(1, code, log)
      assert.truthy(log:find("critical unit top/p is FATAL: execve: No such file or directory: ./no-such", 1, true))
    end)

    it("0 when it is stopped", function()
      local process = spawn [[return luvisor.supervisor { name = "top", children = { worker "a" } }]]
      process:expect "top/a starting %-> running"
      assert.equal(0, process:stop())
      assert.truthy(process:stderr():find("the tree ended: shutdown", 1, true))
    end)
  end)

  it("starts everybody else where a command does not exist: BACKOFF, then FATAL", function()
    local process = spawn [[return luvisor.supervisor { name = "top", children = {
      luvisor.program { name = "p", command = "no-such-command --now",
        backoff = { min = 0.05, max = 0.1 } }, worker "a" } }]]
    process:expect "top/p FATAL: execve: No such file or directory: no%-such%-command\n"
    assert.equal(3, process:count "top/p ended: execve: No such file or directory: no%-such%-command, restarts in")
    assert.equal(1, process:count "top/a starting %-> running")
    assert.equal(0, process:stop())
  end)

  it("keeps a fault in one worker from everybody else", function()
    local process = spawn [[
      local uv, runtime = require "luv", require "host.runtime"
      return luvisor.supervisor { name = "top", intensity = { restarts = 1000, within = 1 }, children = {
        worker("bad", function(self) self:sleep(0.02) error "bad again" end),
        worker("async", function(self)
          if not self.once then
            self.once = true
            local timer = uv.new_timer()
            timer:start(1, 0, function() timer:close() error "in a callback" end)
            runtime.after(0.01, function() error "in a timer" end)
          end
          return well(self)
        end),
        worker("good", function(self)
          self.count = (self.count or 0) + 1
          if self.count == 10 then self.log:info "ten turns" end
          return well(self)
        end) } }]]
    process:expect "top/good ten turns"
    process:expect "in a callback"
    process:expect "in a timer"
    process:expect("top/bad ended: error: tree.lua:13: bad again", 10, 5)
    assert.equal(1, process:count "top/good idle %-> starting")
    assert.equal(1, process:count "top/async idle %-> starting")
    assert.equal(0, process:stop())
  end)

  it("refuses to let a script end the process", function()
    local process = spawn [[return luvisor.supervisor { name = "top", children = {
      worker("a", function() os.exit(0) end, { restart = "temporary" }), worker "b" } }]]
    process:expect "top/a ended: error: tree.lua:12: os.exit: would end the host"
    assert.equal(0, process:stop())
  end)

  it("finds a worker that misses its heartbeat in time", function()
    local process = spawn([[return luvisor.supervisor { name = "top", children = {
      worker("a", function(self) self:sleep(60) end), worker "b" } }]], nil, { LUVISOR_HEARTBEAT = "0.3" })
    process:expect "top/a ended: timeout: heartbeat 300 ms in running, restarts"
    assert.equal(0, process:stop())
  end)

  it("counts a turn that is too long against its own deadline, and against nobody else's", function()
    local process = spawn([[return luvisor.supervisor { name = "top", children = { worker "a", worker "b",
      worker("hog", function(self)
        local clock = require("luv").hrtime
        if self.generation == 1 then
          local till = clock() + 1.5e9
          while clock() < till do end
        end
        return self.stopping and "complete" or "keepalive"
      end) } }]], nil, { LUVISOR_HEARTBEAT = "0.5" })
    process:expect "top/hog ended: timeout: heartbeat 500 ms in running, restarts"
    process:expect("top/hog starting %-> running", 10, 2)
    host.stay(1)
    assert.equal(0, process:stop())
    assert.equal(1, process:count "restarts\n")
  end)

  it("tells subscribers what happens", function()
    local code, log = finish [[
      for _, kind in ipairs { "start", "ready", "exit" } do
        luvisor.on(kind, function(event)
          io.stderr:write(("heard %s %s %s\n"):format(event.kind, event.unit, event.exit and tostring(event.exit)))
        end)
      end
      luvisor.on("exit", function() error "subscriber broke" end)
      return luvisor.supervisor { name = "top", children = { worker("a", function() return "complete" end) } }]]
    assert.equal(0, code)
    for _, text in ipairs { "heard start top nil", "heard start top/a nil", "heard ready top/a nil",
      "heard exit top/a normal", "subscriber broke" } do
      assert.truthy(log:find(text, 1, true), text .. "\n" .. log)
    end
  end)

  it("takes modules beside the script, from wherever it is started, and a #! line", function()
    host.write(directory .. "/beside.lua", [[
      local w = require("luvisor.worker").define()
      w:actor("running", function() return "complete" end)
      return w]])
    host.write(directory .. "/tree.lua", "#!/usr/bin/env luvisor\n" .. HEAD
      .. 'return luvisor.supervisor { name = "top", children = { luvisor.worker { name = "a", module = "beside" } } }')
    assert.equal(0, (host.run { "run", directory .. "/tree.lua" }))
  end)

  describe("logs", function()
    local ONE_SHOT = [[return luvisor.supervisor { name = "top", children = {
      worker("a", function(self) self.log:warn('two\nlines "quoted"') return "complete" end) } }]]

    it("time, level, unit and message, one line each, to stderr #valgrind", function()
      local _, log, out = finish(ONE_SHOT)
      assert.equal("", out)
      for line in log:gmatch "[^\n]+" do
        assert.truthy(line:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d %l+ +[%w/]+ .+$", line)
      end
      assert.truthy(log:find('warn  top/a two | lines "quoted"\n', 1, true))
      assert.truthy(log:find("info  top/a idle -> starting (start)\n", 1, true))
      assert.is_nil(log:find("\27", 1, true))
    end)

    it("as JSON, one object a line", function()
      local _, log = finish(ONE_SHOT, { "--log-format", "json" })
      for line in log:gmatch "[^\n]+" do
        assert.truthy(line:find '^{"time":"%d[^"]+","level":"%l+","unit":"[^"]+","message":".*"}$', line)
      end
      assert.truthy(log:find([["level":"warn","unit":"top/a","message":"two | lines \"quoted\""}]], 1, true))
    end)

    it("no more than the level asked for", function()
      local _, log = finish(ONE_SHOT, { "--log-level=warn" })
      assert.truthy(log:find "^%S+ warn  top/a two | lines \"quoted\"\n$")
      assert.equal("", (select(2, finish(ONE_SHOT, { "--log-level", "none" }))))
      assert.truthy(#select(2, finish(ONE_SHOT, { "--log-level", "debug" })) > 100)
    end)

    it("every transition with its cause", function()
      local _, log = finish [[return luvisor.supervisor { name = "top", intensity = { restarts = 0, within = 1 },
        children = { worker("a", function() error("why", 0) end) } }]]
      for _, text in ipairs { "top/a running -> crashed (error: why)", "top/a ended: error: why, restarts",
        "top running -> reaping (error: more than 0 restarts within 1 s, last of a: error: why)",
        "top reaping -> crashed (error: more" } do
        assert.truthy(log:find(text, 1, true), text .. "\n" .. log)
      end
    end)

    it("on though nobody reads them any more", function()
      local process = spawn([[return luvisor.supervisor { name = "top", children = {
        worker("a", function(self) self.log:info(("x"):rep(1000)) return well(self) end) } }]])
      process:expect "top/a x"
      process.err:read_stop()
      process.err:close()
      host.stay(0.5)
      process:signal "sigterm"
      assert(host.wait_until(function() return process.over end, 10))
      assert.equal(0, process.code)
    end)
  end)

  it("obeys settings of the environment", function()
    local process = spawn([[return luvisor.supervisor { name = "top", children = {
      worker("a", function() error "again" end) } }]], nil, { LUVISOR_RESTARTS = "7", LUVISOR_WITHIN = "60" })
    assert.equal(1, (process:wait(15)))
    assert.equal(8, process:count "top/a idle %-> starting")
    assert.truthy(process:stderr():find("more than 7 restarts within 60 s", 1, true))
  end)
end)
