-- SPDX-License-Identifier: Apache-2.0
-- The client commands: what they say, what they change, and their exit codes.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

local HEAD = [[
local luvisor = require "luvisor"
local definition = require("luvisor.worker").define()
definition:actor("running", { every = 0.05 }, function(self) return self.stopping and "complete" or "keepalive" end)
local slow = require("luvisor.worker").define()
slow:actor("running", { every = 0.05 }, function(self) return "keepalive" end)
local function worker(name, keys)
  local spec = { name = name, module = definition }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.worker(spec)
end
local function program(name, command, keys)
  local spec = { name = name, command = command, ready = { after = 0 }, stdout = { prefix = true } }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.program(spec)
end
]]

describe("a client", function()
  local directory, process

  local function spawn(text, up)
    host.write(directory .. "/tree.lua", HEAD .. text)
    process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    process:expect(up or "top starting %-> running")
    return process
  end

  local function client(...) return process:client({ ... }, 20) end

  local function status(name)
    local code, out = client("status", "--json", name)
    return json.decode(out).units[1], code
  end

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local PLAIN = [[return luvisor.supervisor { name = "top", children = {
    worker("w", { tags = { "front", "lua" } }),
    program("p", "sleep 600", { tags = { "front" } }),
    luvisor.supervisor { name = "sub", children = { worker "w", worker "x" } },
  } }]]

  it("shows the tree, and names it by path, last part, glob and tag", function()
    spawn(PLAIN)
    process:expect "top/p STARTING %-> RUNNING"
    local code, out = client "status"
    assert.equal(0, code)
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.truthy(lines[1]:find "^UNIT +STATE +PID +UPTIME +RESTARTS +WHY$", out)
    assert.truthy(lines[2]:find "^top +running +%- ", out)
    assert.truthy(lines[4]:find "^  p +RUNNING +%d+ +%d", out)
    assert.truthy(lines[6]:find "^    w +running +%- ", out)
    assert.falsy(out:find("\27", 1, true))
    local function names(...)
      local _, text = client("status", "--json", ...)
      local list = {}
      for _, unit in ipairs((json.decode(text) or {}).units or {}) do list[#list + 1] = unit.path end
      return table.concat(list, " ")
    end
    assert.equal("top/sub/x", names "x")
    assert.equal("top/sub/x top/p", names("sub/x", "p", "x"))
    assert.equal("top/w top/p", names "@front")
    assert.equal("top/w top/sub/w", names "w*")
    assert.equal("top/sub/w top/sub/x", names "sub/*")
    assert.equal("top/w top/sub/w top/sub/x", names "[wx]")
    local wrong, _, err = client("status", "nobody")
    assert.equal(1, wrong)
    assert.truthy(err:find("no unit nobody", 1, true), err)
  end)

  it("counts the memory of all that a program has started", function()
    host.write(directory .. "/big.lua", [[
      local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = {
        luvisor.program { name = "big", ready = { after = 0 }, command = { "sh", "-c",
          "python3 -c 'x = bytearray(60 << 20); import time; time.sleep(600)' & wait" } },
      } }]])
    local big = host.spawn({ "run", "--log-level", "warn", "big.lua" }, nil, { cwd = directory })
    local function shows()
      local code, out = big:client { "status", "--json", "big" }
      local unit = code == 0 and json.decode(out).units[1]
      return unit and unit.memory and unit.memory > 60 << 20 and unit
    end
    local unit = host.wait_until(shows, 20)
    assert.truthy(unit, big:output())
    local leader = tonumber(host.read(("/proc/%d/statm"):format(unit.pid)):match "^%d+ (%d+)") * 4096
    assert.is_true(leader < 60 << 20) -- the control: what is counted without the others
    big:stop()
  end)

  it("fails when what it says could not be written", function()
    spawn(PLAIN)
    local shell = host.spawn({ "-c", host.binary .. " status --socket " .. process:socket() .. " >/dev/full" }, nil,
      { command = { "/bin/sh" } })
    assert.equal(1, (shell:wait()))
    assert.equal(0, (client "status")) -- the same, where there is room
    assert.matches("luvisor: stdout: ENOSPC", shell:stderr())
  end)

  it("stops and starts, and says so", function()
    spawn(PLAIN)
    process:expect "top/p STARTING %-> RUNNING"
    local code, out = client("stop", "p", "top/w")
    assert.equal(0, code, out)
    assert.truthy(out:find("top/p: STOPPED (stop by uid ", 1, true), out)
    local unit, exit_code = status "p"
    assert.equal("STOPPED", unit.state)
    assert.equal(3, exit_code)
    assert.is_nil(unit.pid)
    code, out = client("stop", "p")
    assert.equal(0, code, out)
    code, out = client("start", "@front")
    assert.equal(0, code, out)
    assert.truthy(out:find("top/p: RUNNING", 1, true), out)
    unit, exit_code = status "p"
    assert.equal("RUNNING", unit.state)
    assert.equal(0, exit_code)
    code, out = client("start", "p")
    assert.equal(0, code, out)
    assert.equal(unit.pid, (status "p").pid)
  end)

  it("restarts, also a supervisor with all of it", function()
    spawn(PLAIN)
    process:expect "top/p STARTING %-> RUNNING"
    local before = status "p"
    assert.equal(0, (client("restart", "p", "sub")))
    local after = status "p"
    assert.not_equal(before.pid, after.pid)
    assert.equal(2, (status "sub").generation)
    assert.equal("running", (status "x").state)
    local code, _, err = client("restart", "top")
    assert.equal(1, code)
    assert.truthy(err:find("is the root", 1, true), err)
  end)

  it("waits for FATAL, and shows the reason and the last words", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("bad", { "sh", "-c", "echo no such luck >&2; exit 3" },
        { stderr = { prefix = true }, autostart = false, ready = { after = 1 } }) } }]]
    local code, _, err = client("start", "bad")
    assert.equal(1, code)
    assert.truthy(err:find("top/bad is FATAL: exit 3", 1, true), err)
    assert.truthy(err:find("| no such luck", 1, true), err)
    assert.equal("FATAL", (status "bad").state)
    local _, out = client("stop", "bad")
    assert.truthy(out:find "^top/bad: STOPPED %(stop by uid %d+%)\n$", out)
  end)

  it("says when its time is over, and how far it has come", function()
    spawn([[return luvisor.supervisor { name = "top", children = {
      luvisor.worker { name = "deaf", module = slow, shutdown = 60 },
      program("late", "sleep 600", { after = { never = "ready" }, autostart = false }),
      program("never", "sleep 600", { ready = { line = "x" }, start_timeout = 600 }),
    } }]], "top/deaf starting %-> running")
    local code, _, err = client("stop", "--timeout", "0.5", "deaf")
    assert.equal(5, code)
    assert.truthy(err:find("top/deaf is still running", 1, true), err)
    code, _, err = client("start", "--timeout=0.5", "late")
    assert.equal(5, code)
    assert.truthy(err:find("top/late is still WAITING: waits for never to be ready", 1, true), err)
    assert.equal(0, (client("stop", "--force", "deaf")))
    code = client("stop", "--no-wait", "never")
    assert.equal(0, code)
  end)

  it("refuses what makes no sense with 2", function()
    spawn(PLAIN)
    for _, words in ipairs {
      { "stop" }, { "stop", "--timeout", "x", "p" }, { "stop", "--timeout", "0", "p" }, { "why" }, { "signal", "HUP" },
      { "signal", "FOO", "p" }, { "status", "--name", "a/b" }, { "shutdown", "p" },
    } do
      assert.equal(2, (process:client(words)), table.concat(words, " "))
    end
  end)

  it("signals programs, and nothing else", function()
    spawn [[return luvisor.supervisor { name = "top", children = { worker "w",
      program("p", { "sh", "-c", "trap 'echo hup' HUP; echo up; while :; do sleep 0.1; done" }) } }]]
    process:expect "p | up"
    assert.equal(0, (client("signal", "HUP", "p")))
    process:expect "p | hup"
    local code, _, err = client("signal", "SIGHUP", "w")
    assert.equal(1, code)
    assert.truthy(err:find("top/w is a worker, not a program", 1, true), err)
  end)

  it("tells why, through dependencies", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("db", { "sh", "-c", "exit 7" }, { ready = { after = 1 }, backoff = { min = 0.01, max = 0.01 } }),
      program("web", "sleep 600", { after = { db = "ready" } }),
    } }]]
    process:expect "FATAL"
    local code, out = client("why", "web")
    assert.equal(0, code)
    local web, because, db = out:find("top/web is WAITING: waits for db to be ready, which is FATAL: exit 7", 1, true),
      out:find("\nbecause\n", 1, true), out:find("top/db is FATAL: exit 7", 1, true)
    assert.truthy(web and because and db and web < because and because < db, out)
    assert.truthy(out:find "ended: exit 7, starts again in 1%d? ?%.?%d* ?ms", out)
    assert.truthy(out:find("ended: exit 7, given up", 1, true), out)
    local _, text = client("why", "--json", "web")
    assert.equal("top/db", json.decode(text).units[1].because.unit.path)
  end)

  it("shows what a program wrote at last, if it ended badly", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("stay", "sleep 600"),
      program("bad", "echo no such port >&2; exit 7", { shell = true, restart = luvisor.restart.never,
        stderr = { prefix = true } }),
      program("good", "echo all is well >&2", { shell = true, restart = luvisor.restart.never,
        stderr = { prefix = true } }) } }]]
    assert.truthy(host.wait_until(function()
      return status("bad").state == "EXITED" and status("good").state == "EXITED"
    end, 10))
    local _, out = client("why", "bad")
    assert.truthy(out:find("\n  | no such port\n", 1, true), out)
    _, out = client("why", "good")
    assert.falsy(out:find("all is well", 1, true), out)
  end)

  it("tells who asked, and for whose sake", function()
    spawn [[return luvisor.supervisor { name = "top", strategy = "one_for_all", children = {
      program("a", "sleep 600", { backoff = { min = 0.01 } }), worker "b" } }]]
    process:expect "top/a STARTING %-> RUNNING"
    assert.equal(0, (client("signal", "KILL", "a")))
    assert.truthy(host.wait_until(function() return status("b").generation == 2 end, 10))
    local _, out = client("why", "b")
    assert.truthy(out:find("asked to stop: starts again with a (top/a)", 1, true), out)
    _, out = client("why", "a")
    assert.truthy(out:find("signal 9 (SIGKILL)", 1, true), out)
    assert.equal(0, (client("stop", "b")))
    _, out = client("why", "b")
    assert.truthy(out:find("asked to stop: stop by uid " .. uv.getuid(), 1, true), out)
  end)

  it("ends the host, and waits for that", function()
    spawn(PLAIN)
    assert.equal(0, (client "shutdown"))
    assert.equal(0, (process:wait(5)), process:output())
    process:expect "shutdown by uid %d+: stopping"
    for _, words in ipairs { { "status" }, { "why", "p" }, { "stop", "p" }, { "shutdown" } } do
      assert.equal(4, (process:client(words)), words[1])
    end
  end)

  it("says that the host takes long to end, and kills it on demand", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      luvisor.worker { name = "deaf", module = slow, shutdown = 60 } } }]]
    assert.equal(5, (client("shutdown", "--timeout", "0.3")))
    assert.equal(0, (client("shutdown", "--force")))
    assert.truthy((process:wait(5)))
  end)

  it("leaves the host alone when it is interrupted", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      luvisor.worker { name = "deaf", module = slow, shutdown = 60 } } }]]
    local waiting = process:follow { "stop", "deaf" }
    process:expect "top/deaf stop by uid"
    waiting:signal "sigint"
    assert.truthy((waiting:wait(5)))
    assert.equal("running", (status "deaf").state)
    assert.equal(0, (client("stop", "--force", "deaf")))
  end)

  it("lists no more of a pool than is of use", function()
    spawn [[
      local filler = require("luvisor.worker").define()
      filler:actor("starting", function()
        for _ = 1, 150 do luvisor.find("top/pool"):start_child {} end
        return "run"
      end)
      filler:actor("running", { every = 0.05 }, function(self) return self.stopping and "complete" or "keepalive" end)
      return luvisor.supervisor { name = "top", children = {
        luvisor.supervisor { name = "pool", strategy = "simple_one_for_one", template = worker "one" },
        luvisor.worker { name = "filler", module = filler } } }]]
    local _, out = client "status"
    assert.truthy(out:find("50 of its 150 children are not shown (--all)", 1, true), out)
    assert.equal(104, select(2, out:gsub("\n", "")))
    _, out = client("status", "--all")
    assert.equal(154, select(2, out:gsub("\n", "")))
    _, out = client("status", "--json", "pool/120")
    assert.equal("top/pool/120", json.decode(out).units[1].path)
  end)
end)
