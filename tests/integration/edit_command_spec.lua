-- SPDX-License-Identifier: Apache-2.0
-- Live edits by command: add, remove, scale, set; what they leave in status, and what a reload makes of them.

local edits = require "edits"
local host = require "host"
local terminal = require "terminal"

describe("luvisor", function()
  local directory, process
  local command = edits.new(30)

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local TREE = [[
    local luvisor = require "luvisor"
    local function sleeper(name, keys)
      keys = keys or {}
      keys.name, keys.command, keys.ready = name, "sleep 600", { after = 0 }
      return luvisor.program(keys)
    end
    return luvisor.supervisor { name = "top", children = {
      sleeper("db"), sleeper("web", { count = 2 }), sleeper("log", { after = { web = "ready" } }),
      luvisor.worker { name = "w", module = "w" },
    } }]]

  local WORKER = [[
    local W = require("luvisor.worker").define()
    W:actor("starting", function() return "run" end)
    W:actor("running", { every = 0.1 }, function(self)
      if ASKED then ANSWERED = true end
      return self.stopping and "complete" or "keepalive"
    end)
    return W]]

  local function start(...)
    host.write(directory .. "/tree.lua", TREE)
    host.write(directory .. "/w.lua", WORKER)
    process = host.spawn({ "run", "tree.lua", ... }, nil, { cwd = directory })
    command.process = process
    process:expect "top starting %-> running"
    process:expect "top/log STARTING %-> RUNNING" -- which waits for web, and nobody for it
  end

  local function luvisor(...) return command:luvisor(...) end
  local function says(...) command:says(...) end
  local function refuses(...) command:refuses(...) end
  local function status() return command:status() end

  local function write_more(text) return edits.write_more(directory, text) end

  it("add starts what a file returns, marks it as drift, and reload reverts it", function()
    start()
    local before = status()
    assert.is_nil(before["top"].drift)
    local file = write_more [[{ luvisor.program { name = "x", command = "sleep 600", after = { db = "ready" } },
      luvisor.worker { name = "y", module = "w" } }]]
    says("+ top/x  added\n+ top/y  added\n", "add", file)
    process:expect "top/x STARTING %-> RUNNING"
    assert.equal("added", status()["top/x"].drift)
    local code, out = luvisor "status"
    assert.equal(0, code)
    assert.truthy(out:find "\n  y [^\n]*drift: added", out)
    refuses("top has a child x already", "add", file)
    code, out = luvisor("reload", "--dry-run")
    assert.equal(0, code)
    assert.equal("- top/x  removed\n- top/y  removed\n", out)
    says("- top/x  removed\n- top/y  removed\n", "reload")
    local after = status()
    assert.is_nil(after["top/x"])
    assert.equal(before["top/db"].pid, after["top/db"].pid)
    assert.equal(0, process:stop())
  end)

  it("add is no drift any more once the script agrees, and nothing is touched by that", function()
    start()
    says("+ top/x  added\n", "add", write_more [[luvisor.program { name = "x", command = "sleep 600" }]])
    process:expect "top/x STARTING %-> RUNNING"
    local pid = status()["top/x"].pid
    host.write(directory .. "/tree.lua", (TREE:gsub('luvisor.worker {', [[
      luvisor.program { name = "x", command = "sleep 600" }, luvisor.worker {]])))
    local code, out = luvisor "reload"
    assert.equal(0, code)
    assert.truthy(out == "nothing has changed\n" or out:find "^~ top  children in another order\n$", out)
    assert.equal(pid, status()["top/x"].pid)
    assert.is_nil(status()["top/x"].drift)
    assert.equal(0, process:stop())
  end)

  it("add refuses what is none, and changes nothing", function()
    start()
    refuses("more.lua:1: ", "add", write_more "luvisor luvisor")
    refuses("expected a unit, or a list of units", "add", write_more "{ 1 }")
    refuses("expected a unit, or a list of units", "add",
      write_more "{ a = luvisor.program { name = 'a', command = 'x' } }")
    refuses('unknown key, did you mean "command"', "add", write_more "luvisor.program { name = 'a', comand = 'x' }")
    refuses('unknown unit "nobody"', "add",
      write_more "luvisor.program { name = 'a', command = 'x', after = { nobody = 'ready' } }")
    refuses("no module nowhere", "add", write_more "luvisor.worker { name = 'a', module = 'nowhere' }")
    refuses("is a program, and has no children", "add", "--under", "db",
      write_more "luvisor.program { name = 'a', command = 'x' }")
    refuses("os.exit", "add", write_more "os.exit(0)")
    local count = 0
    for _, unit in pairs(status()) do count = count + 1 assert.is_nil(unit.drift) end
    assert.equal(6, count)
    assert.equal(0, process:stop())
  end)

  it("add leaves none of its globals behind where it fails", function()
    start()
    local unit = "luvisor.program { name = %q, command = 'sleep 600' } end)()"
    assert.equal(0, (luvisor("add", write_more("(function() KEPT = 1 return " .. unit:format "a"))))
    refuses("top has a child a already", "add", write_more("(function() LEFT, KEPT = 1, 2 return " .. unit:format "a"))
    refuses("no!", "add", write_more "(function() LEFT, KEPT = 1, nil error 'no!' end)()")
    assert.equal(0, (luvisor("add", write_more("(function() assert(LEFT == nil and KEPT == 1) return "
      .. unit:format "b"))))
    assert.equal(0, process:stop())
  end)

  it("add leaves what others have set meanwhile where it fails", function()
    start()
    refuses("no!", "add", write_more "(function() ASKED = true repeat until ANSWERED error 'no!' end)()")
    refuses("nil true", "add", write_more "(function() error(tostring(ASKED) .. ' ' .. tostring(ANSWERED)) end)()")
    assert.equal(0, process:stop())
  end)

  it("add is refused where nobody may evaluate Lua", function()
    start "--no-repl"
    refuses("%-%-no%-repl", "add", write_more "luvisor.program { name = 'a', command = 'sleep 600' }")
    assert.equal(0, process:stop())
  end)

  it("remove stops and forgets, until a reload", function()
    start()
    refuses('unknown unit "web:', "remove", "web")
    refuses("has 2 instances: use luvisor scale", "remove", "web:1")
    refuses("top is the root", "remove", "top")
    says("- top/log  removed\n", "remove", "log")
    says("- top/web:0  removed\n- top/web:1  removed\n", "remove", "web")
    local units = status()
    assert.is_nil(units["top/web:0"])
    assert.equal("web:0 removed; web:1 removed; log removed", units["top"].drift)
    local code, out = luvisor("why", "top/db")
    assert.equal(0, code, out)
    says("+ top/web:0  added\n+ top/web:1  added\n+ top/log  added\n", "reload")
    assert.is_nil(status()["top"].drift)
    process:expect("top/log STARTING %-> RUNNING", 10, 2)
    code, out = luvisor("why", "log")
    assert.equal(0, code)
    assert.truthy(out:find("reload by uid", 1, true), out)
    assert.equal(0, process:stop())
  end)

  it("scale starts and stops instances, and those after all come after the new ones too", function()
    start()
    local before = status()
    says("+ top/web:2  added\n+ top/web:3  added\n~ top/log  changed in place: after\n", "scale", "web", "4")
    process:expect "top/web:3 STARTING %-> RUNNING"
    local units = status()
    assert.equal("added", units["top/web:3"].drift)
    assert.equal(before["top/web:0"].pid, units["top/web:0"].pid)
    says("- top/web:1  removed\n- top/web:2  removed\n- top/web:3  removed\n~ top/log  changed in place: after\n",
      "scale", "web", "1")
    units = status()
    assert.is_nil(units["top/web:1"])
    assert.equal(before["top/web:0"].pid, units["top/web:0"].pid)
    says("nothing has changed\n", "scale", "web", "1")
    refuses("has no count", "scale", "db", "2")
    refuses("no unit nobody", "scale", "nobody", "2")
    assert.equal(2, (luvisor("scale", "web", "many")))
    assert.equal(2, (luvisor("scale", "web", "0")))
    says("+ top/web:1  added\n~ top/log  changed in place: after\n", "reload")
    assert.equal(before["top/log"].pid, status()["top/log"].pid)
    assert.equal(0, process:stop())
  end)

  it("set gives a key another value, touches nothing, and says which keys it can", function()
    start()
    local before = status()
    says("~ top  changed in place: intensity\n", "set", "top", "intensity.restarts", "50")
    says("~ top/db  changed in place: backoff\n", "set", "db", "backoff.max", "2")
    says("~ top/db  changed in place: shutdown\n", "set", "db", "stop.timeout", "3")
    says("~ top/db  changed in place: health\n", "set", "db", "health", '{"exec":"true","every":1}')
    says("~ top/db  changed in place: health\n", "set", "db", "health.every", "5")
    says("nothing has changed\n", "set", "db", "health.every", "5")
    says("~ top/w  changed in place: timeouts\n", "set", "w", "heartbeat.running", "9")
    says("~ top/w  changed in place: restart\n", "set", "w", "restart", "transient")
    local both = "~ top/web:0  changed in place: max_age\n~ top/web:1  changed in place: max_age\n"
    says(both, "set", "web", "max_age", "900")
    says(both, "set", "web:*", "max_age", "800")
    refuses('"command" cannot be changed in place; what can: .*health%.every', "set", "db", "command", "ls")
    refuses('"helth.every" cannot be changed in place, did you mean "health.every"', "set", "db", "helth.every", "3")
    refuses('top/db: key "backoff.max": expected a number', "set", "db", "backoff.max", "soon")
    refuses('top/db: key "orphans": ', "set", "db", "orphans", "eat")
    refuses('key "heartbeat.flying": unknown state', "set", "w", "heartbeat.flying", "9")
    refuses("there is no stdout file", "set", "db", "stdout.keep", "2")
    local units = status()
    for _, path in ipairs { "top/db", "top/web:0" } do assert.equal(before[path].pid, units[path].pid) end
    assert.equal(1, units["top/w"].generation)
    assert.equal("backoff, health, shutdown set", units["top/db"].drift)
    local _, out = luvisor("why", "db")
    assert.truthy(out:find "set by uid %d+: changed in place: health", out)
    _, out = luvisor("reload", "--dry-run")
    assert.truthy(out:find("~ top/db  changed in place: backoff, health, shutdown", 1, true), out)
    assert.equal(0, (luvisor "reload"))
    assert.is_nil(status()["top/db"].drift)
    assert.equal(before["top/db"].pid, status()["top/db"].pid)
    assert.equal(0, process:stop())
  end)

  it("takes numbers below zero for numbers, and a name that two supervisors have for neither's", function()
    start()
    refuses("expected seconds > 0, got %-3", "set", "db", "max_age", "-3")
    assert.equal(2, (luvisor("set", "db", "max_age", "-x")))
    assert.equal(0, (luvisor("add", write_more [[{ luvisor.supervisor { name = "a", children = {
      luvisor.program { name = "twin", command = "sleep 600", count = 2, ready = { after = 0 } } } },
      luvisor.supervisor { name = "b", children = {
        luvisor.program { name = "twin", command = "sleep 600", count = 2, ready = { after = 0 } },
        luvisor.program { name = "web", command = "sleep 600", count = 2, ready = { after = 0 } } } } }]])))
    refuses("twin:0 is ambiguous", "remove", "twin")
    refuses("twin:0 is ambiguous", "stop", "twin")
    says("- top/web:0  removed\n- top/web:1  removed\n- top/log  removed\n", "remove", "web", "log")
    says("- top/b/twin:0  removed\n- top/b/twin:1  removed\n", "remove", "b/twin")
    assert.equal(0, process:stop())
  end)

  it("restart --rolling restarts one instance after the other", function()
    start()
    local before = status()
    says("top/web: 2 restarted\n", "restart", "--rolling", "web")
    local after = status()
    for index = 0, 1 do
      local path = "top/web:" .. index
      assert.not_equal(before[path].pid, after[path].pid)
      assert.equal("RUNNING", after[path].state)
    end
    process:expect("top/web:1 STARTING %-> RUNNING", 10, 2) -- the log is behind the commands
    local output = process:output()
    local _, first_is_back = output:find("top/web:0 STARTING %-> RUNNING.*top/web:0 STARTING %-> RUNNING")
    local second_stops = output:find("top/web:1 RUNNING %-> ")
    assert.truthy(first_is_back and second_stops and first_is_back < second_stops, output)
    local _, out = luvisor("why", "top/web:0")
    assert.truthy(out:find("rolling restart by uid", 1, true), out)
    assert.equal(0, process:stop())
  end)

  it("and reload show at a terminal how far they are", function()
    start()
    for _, words in ipairs { { "restart", "--rolling", "web" }, { "reload" } } do
      host.write(directory .. "/tree.lua", (TREE:gsub("sleep 600", "sleep 601")))
      local screen = terminal.open({ words[1], "--socket", process:socket(), table.unpack(words, 2) }, {}, {
        columns = 100, rows = 20, record = directory .. "/screen" })
      local has_ended = screen:shows("EXIT 0", 30)
      screen:close()
      assert(has_ended, process:output())
      assert.truthy(host.read(directory .. "/screen"):find "\r\27%[K1/%d  top/%S+: %l+", words[1])
    end
    local _, _, err = luvisor "reload"
    assert.equal("", err)
    assert.equal(0, process:stop())
  end)

  it("the REPL's plan, reload and rollback print the steps", function()
    start()
    assert.equal(0, (luvisor("set", "db", "max_age", "900")))
    local _, out = luvisor("repl", "-e", "plan()")
    assert.equal("~ top/db  changed in place: max_age\n", out)
    assert.equal("max_age set", status()["top/db"].drift)
    _, out = luvisor("repl", "-e", "reload()")
    assert.equal("~ top/db  changed in place: max_age\n", out)
    assert.is_nil(status()["top/db"].drift)
    _, out = luvisor("repl", "-e", "rollback()")
    assert.equal("nothing has changed\n", out)
    assert.equal(0, process:stop())
  end)

  it("set has a file rotated otherwise, and the program does not notice", function()
    start()
    local file = write_more(([[luvisor.program { name = "x", shell = true, stdout = { file = "%s/x.log" },
      command = "while :; do echo %s; sleep 0.01; done" }]]):format(directory, ("x"):rep(200)))
    assert.equal(0, (luvisor("add", file)))
    process:expect "top/x STARTING %-> RUNNING"
    local pid = status()["top/x"].pid
    local function rotated() return host.read(directory .. "/x.log.1") ~= nil end
    assert.falsy(rotated())
    says("~ top/x  changed in place: stdout\n", "set", "x", "stdout.max_size", "4096")
    assert.truthy(host.wait_until(rotated, 20))
    assert.equal(pid, status()["top/x"].pid)
    refuses('"stdout.file" cannot be changed in place', "set", "x", "stdout.file", "elsewhere")
    assert.equal(0, process:stop())
  end)
end)
