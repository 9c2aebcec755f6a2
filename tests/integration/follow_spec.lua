-- SPDX-License-Identifier: Apache-2.0
-- What clients follow: logs and events; and what one that never reads costs the others.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

local HEAD = [[
local luvisor = require "luvisor"
local function program(name, script, keys)
  local spec = { name = name, command = { "sh", "-c", script }, ready = { after = 0 }, stdout = { prefix = true },
    stderr = { prefix = true }, backoff = { min = 0.05, max = 0.05 } }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.program(spec)
end
]]

local WORKERS = [[
local define = require("luvisor.worker").define
local talker = define()
talker:actor("running", { every = 0.05 }, function(self)
  self.log:info("tick")
  return self.stopping and "complete" or "keepalive"
end)
]]

describe("a follower", function()
  local directory, process

  local function spawn(text, level)
    host.write(directory .. "/tree.lua", HEAD .. text)
    process = host.spawn({ "run", "--log-level", level or "info", "tree.lua" }, nil, { cwd = directory })
    if level then return assert(host.wait_until(function() return uv.fs_stat(process:socket()) end, 10)) end
    process:expect "top starting %-> running"
    return process
  end

  before_each(function() directory = host.directory() end)
  after_each(function()
    if process then process:stop(90) end -- with all that it has started: what lives on holds on to our pipes
    process = nil
    host.clean_up()
  end)

  it("has the last lines of programs, each stream in its place", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("p", "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; echo half; sleep 600"),
      program("q", "sleep 600", { stdout = "inherit", stderr = "null" }) } }]]
    process:expect "half"
    process:expect "err 5"
    local _, out, err = process:client { "logs", "-n", "2", "p" }
    assert.equal("out 5\nhalf\n", out)
    assert.equal("err 4\nerr 5\n", err)
    _, out = process:client { "logs", "-n1", "p" }
    assert.equal("half\n", out)
    local code
    code, out, err = process:client { "logs", "q" }
    assert.equal(0, code)
    assert.equal("", out)
    assert.truthy(err:find("top/q writes to the host's own stdout", 1, true), err)
    assert.equal(2, (process:client { "logs", "-n", "x", "p" }))
    assert.equal(2, (process:client { "logs", "-x", "p" }))
    assert.equal(1, (process:client { "logs", "nobody" }))
  end)

  it("goes on over restarts, in whole lines", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("p", "echo begin; printf pa; sleep 0.3; echo rt; exit 1") } }]]
    local follower = process:follow { "logs", "-f", "p" }
    follower:expect("begin\npart\n", 20, 3)
    follower:signal "sigint"
    follower:wait(5)
    local restarts = process:count "restarts in"
    assert.is_true(restarts >= 2)
  end)

  it("loses whole lines when there are too many", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("p", "until [ -e go ]; do echo tick; sleep 0.05; done; seq 1000000 1999999; touch written; "
        .. "until [ -e on ]; do sleep 0.05; done; echo over; sleep 600", { stdout = { file = "log", max_size = 0 } })
      } }]]
    local follower = process:follow { "logs", "-f", "-n", "0", "p" }
    follower:expect("tick\n", 20)
    follower:signal "sigstop"
    host.write(directory .. "/go", "")
    assert.truthy(host.wait_until(function() return uv.fs_stat(directory .. "/written") end, 20))
    follower:signal "sigcont"
    follower:expect("bytes were lost", 20) -- the control
    host.write(directory .. "/on", "")
    follower:expect("over\n", 20)
    for line in follower:stdout():gmatch "([^\n]*)\n" do
      assert.truthy(line:find "^1%d%d%d%d%d%d$" or line == "tick" or line == "over", line)
    end
  end)

  it("names the units when there are several, and hears workers", function()
    spawn(WORKERS .. [[return luvisor.supervisor { name = "top", children = {
      luvisor.worker { name = "w", module = talker }, program("p", "echo hello; sleep 600") } }]])
    local follower = process:follow { "logs", "--follow", "w", "p" }
    follower:expect "top/p | hello\n"
    follower:expect("top/w | [^\n]+ info  tick\n", 10, 3)
  end)

  it("hears events, of the kinds and units that it asks for", function()
    spawn [[return luvisor.supervisor { name = "top", children = {
      program("p", "sleep 600"), program("q", "sleep 600") } }]]
    process:expect("STARTING %-> RUNNING", 10, 2)
    local all, one = process:follow { "events" }, process:follow { "events", "--json", "q", "--kind", "exit,restart" }
    assert.truthy(host.wait_until(function()
      process:client { "signal", "KILL", "p", "q" }
      return one:count '"kind":"restart"' > 0 and all:count "top/p" > 0
    end, 20))
    all:expect "exit +top/p signal 9 %(SIGKILL%)"
    all:expect "restart +top/q signal 9 %(SIGKILL%), in 5%d"
    all:expect "transition +top/p STOPPED %-> STARTING"
    for line in one:stdout():gmatch "[^\n]+" do
      local event = json.decode(line)
      assert.equal("top/q", event.unit)
      assert.is_true(event.kind == "exit" or event.kind == "restart")
    end
    local nobody = process:follow { "events", "nobody" }
    assert.truthy(host.wait_until(function() return nobody:stderr() == "luvisor: no unit nobody so far\n" end, 10))
    assert.equal(0, process:stop())
    assert.equal(0, (all:wait(5)))
    assert.equal(2, (host.run({ "events", "--kind", "exits" }, { XDG_RUNTIME_DIR = spawn(
      [[return luvisor.supervisor { name = "top", children = { program("p", "sleep 600") } }]]).place })))
  end)

  it("ends when nobody reads it any more", function()
    spawn(WORKERS .. [[return luvisor.supervisor { name = "top",
      children = { luvisor.worker { name = "w", module = talker } } }]])
    local pipeline = host.spawn({ "-c", ("%q logs -f w | head -n 1"):format(host.binary) },
      { XDG_RUNTIME_DIR = process.place }, { command = { "sh" } })
    assert.equal(0, (pipeline:wait(20)), pipeline:output())
  end)

  it("that never reads costs no memory, hears what it has missed, and delays nobody", function()
    spawn([[
      local define = require("luvisor.worker").define
      local flapper = define()
      flapper:actor("running", { every = 0.01 }, function(self)
        if self.stopping then return "complete" end
        error(("x"):rep(300))
      end)
      local quiet = define()
      quiet:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
      local children = {}
      for i = 1, 20 do
        children[i] = luvisor.worker { name = "f" .. i, module = flapper, intensity = nil,
          backoff = { min = 0.01, max = 0.01, jitter = 0 }, restart = luvisor.restart.always }
      end
      for i = 21, 1000 do children[i] = luvisor.worker { name = "q" .. i, module = quiet } end
      return luvisor.supervisor { name = "top", children = children }]], "none")
    local pipe, messages, rest = uv.new_pipe(false), {}, ""
    pipe:connect(process:socket(), function()
      pipe:write '{"jsonrpc":"2.0","id":1,"method":"events"}\n'
    end)
    local slowest = 0
    for _ = 1, 20 do
      local begun = uv.hrtime()
      assert.equal(0, (process:client({ "status", "--json" }, 20)))
      slowest = math.max(slowest, (uv.hrtime() - begun) / 1e9)
      host.stay(0.1)
    end
    local status = host.read(("/proc/%d/status"):format(process.pid))
    local resident = tonumber(status:match "VmRSS:%s*(%d+) kB") / 1024
    assert.is_true(resident < 200 * host.slowness, resident .. " MB")
    assert.is_true(slowest < 10 * host.slowness, slowest .. " s")
    pipe:read_start(function(_, chunk)
      rest = rest .. (chunk or "")
      if #rest > 4e5 then rest = rest:sub(-2e5) end
      if rest:find '"method":"dropped"' then messages.dropped = true end
    end)
    assert.truthy(host.wait_until(function() return messages.dropped end, 30))
    pipe:close()
  end)
end)
