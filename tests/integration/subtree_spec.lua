-- SPDX-License-Identifier: Apache-2.0
-- Supervisors on executors of their own: one tree, whatever runs where.

local executors = require "executors"
local host = require "host"

local start = executors.start

local function spec_of(name, body)
  describe(name, function()
    before_each(executors.set_up)
    after_each(executors.clean_up)
    body()
  end)
end

local function alive(mark)
  local found = {}
  for _, name in ipairs(host.entries "/proc") do
    local line = name:find "^%d+$" and host.read("/proc/" .. name .. "/cmdline")
    if line and line:find(mark, 1, true) then found[#found + 1] = name end
  end
  return found
end

-- Runs a command for the host of a process: its code, stdout and stderr.
local function command_for(process, ...)
  local words = { ... }
  words[#words + 1] = "--name=" .. executors.name()
  return host.run(words, { XDG_RUNTIME_DIR = process.place })
end

-- What one says that succeeds.
local function ask(process, ...)
  local code, out, err = command_for(process, ...)
  assert.equal(0, code, out .. err)
  return out
end

spec_of("a subtree", function()
  local function subtree(executor, mark)
    return ([[
      return luvisor.supervisor { name = "root", children = {
        luvisor.worker { name = "outside", module = "plain", args = { text = "o" } },
        luvisor.supervisor { name = "sub", executor = %q, children = {
          luvisor.worker { name = "w", module = "plain", args = { text = "w" } },
          luvisor.program { name = "prog", command = "sleep %s", ready = { after = 0 } },
          luvisor.supervisor { name = "deep", executor = "thread", children = {
            luvisor.worker { name = "process", module = "plain", args = { text = "p" }, executor = "process" },
            luvisor.program { name = "prog", command = "sleep %s", ready = { after = 0 } },
          } },
        } },
      } }
    ]]):format(executor, mark, mark)
  end

  local mark
  before_each(function() mark = ("%d.%06d"):format(90000 + math.random(9999), math.random(999999)) end)

  for _, executor in ipairs { "thread", "process" } do
    it("is one with the tree: seen, and stopped from its leaves up, executor = " .. executor, function()
      local process = start(subtree(executor, mark))
      process:expect "root starting %-> running"
      assert.truthy(host.wait_until(function() return #alive(mark) == 2 end, 5))
      process:signal "sigquit"
      process:expect "root running\n.*  outside running\n.*  sub running[^\n]*\n.*    w running\n.*    prog RUNNING pid"
      process:expect "    deep running[^\n]*\n.*      process running pid %d+\n.*      prog RUNNING pid %d+"
      assert.equal(0, process:stop())
      assert.equal(0, #alive(mark))
      assert.truthy(process:stderr():find "root/sub/deep/prog stopped.*root/sub/deep stopped.*root/sub/prog stopped"
        , process:stderr())
    end)
  end

  -- Who is ready again takes a letter, though the host gathers what else it hears of a guest for a moment.
  for _, executor in ipairs { "thread", "process" } do
    it("has nobody down who has come back, executor = " .. executor, function()
      executors.write_module("fragile", [[
        local Fragile = require("luvisor.worker").define()
        Fragile:actor("starting", function() return "run" end)
        Fragile:actor("running", { every = 0.1 }, function(self)
          return self.stopping and "complete" or "keepalive"
        end)
        Fragile:info(function(_, word) if word == "die" then error "as told" end end)
        return Fragile]])
      local process = start(([[
        luvisor.on("ready", function(event)
          if event.unit ~= "root/sub/w" then return end
          local ok, message, code = luvisor.send("w", event.generation < 4 and "die" or "live")
          io.stdout:write(("letter %%d: %%s\n"):format(event.generation, ok and "taken" or code))
          io.stdout:flush()
        end)
        return luvisor.supervisor { name = "root", children = { luvisor.supervisor { name = "sub", executor = %q,
          intensity = { restarts = 9, within = 1 },
          children = { luvisor.worker { name = "w", module = "fragile" } } } } }
      ]]):format(executor))
      for generation = 1, 4 do assert.equal("taken", process:expect(("letter %d: (%%S+)"):format(generation))) end
      assert.equal(0, process:stop())
    end)
  end

  it("in a process dies with it, whole, and is started again", function()
    local process = start(subtree("process", mark))
    process:expect "root starting %-> running"
    process:signal "sigquit"
    local pid = process:expect "  sub running pid (%d+)"
    require("luv").kill(tonumber(pid), "sigkill")
    process:expect "exit root/sub: signal 9 %(SIGKILL%)"
    process:expect("event root/sub starting %-> running", 20, 2)
    assert.truthy(host.wait_until(function() return #alive(mark) == 2 end, 5))
    assert.equal(0, process:stop())
    assert.equal(0, #alive(mark))
  end)

  it("obeys the commands as any other unit does", function()
    local process = start(subtree("process", mark))
    process:expect "root starting %-> running"
    local function luvisor(...) return command_for(process, ...) end
    local _, said, err = luvisor "status"
    assert.equal("", err)
    assert.truthy(said:find "prog%s+RUNNING%s+%d+", said)
    for _, unit in ipairs { "root/sub/prog", "root/sub/deep/prog" } do
      local code, text = luvisor("stop", unit)
      assert.equal(0, code, text)
    end
    assert.truthy(host.wait_until(function() return #alive(mark) == 0 end, 5))
    local code = luvisor("start", "root/sub/deep/prog")
    assert.equal(0, code)
    assert.truthy(host.wait_until(function() return #alive(mark) == 1 end, 5))
    assert.equal(0, (luvisor("signal", "KILL", "root/sub/deep/prog")))
    process:expect "exit root/sub/deep/prog: signal 9 %(SIGKILL%)"
    _, said = luvisor("why", "root/sub/deep/prog")
    assert.truthy(said:find("ended: signal 9 (SIGKILL)", 1, true), said)
    assert.equal(0, (luvisor("restart", "root/sub")))
    assert.equal(0, process:stop())
    assert.equal(0, #alive(mark))
  end)

  it("is looked into, and heard, wherever it is, and when it has been started anew", function()
    local process = start [[
      local luvisor = require "luvisor"
      local worker = luvisor.worker { name = "w", module = "plain", args = { text = "w" } }
      local talker = luvisor.program { name = "t", shell = true, stdout = { prefix = true }, ready = { after = 0 },
        command = "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.1; done" }
      return luvisor.supervisor { name = "root", children = { luvisor.supervisor { name = "sub", executor = "process",
        children = { luvisor.supervisor { name = "deep", executor = "thread", children = { worker, talker } } } } } }]]
    process:expect "root starting %-> running"
    local command = { "logs", "-f", "root/sub/deep/t", "--name=" .. executors.name() }
    local follower = host.spawn(command, { XDG_RUNTIME_DIR = process.place })
    follower:expect "line 3\n"
    local function luvisor(...) return ask(process, ...) end
    assert.equal("root/sub/deep/t: RUNNING\n", luvisor("restart", "root/sub/deep/t"))
    follower:expect("line 1\n", 10, 2)
    luvisor("restart", "root/sub")
    follower:expect("line 1\n", 10, 3)
    assert.truthy(luvisor("logs", "root/sub/deep/t"):find "line %d")
    assert.truthy(luvisor("repl", "-e", "messages 'root/sub/deep/w'"):find("received = 0", 1, true))
    assert.truthy(luvisor("repl", "-e", "at 'root/sub/deep/w' 'self.name'"):find('"w"', 1, true))
    assert.truthy(luvisor("repl", "-e", "fsm 'root/sub/deep/w'"):find("\n* running", 1, true))
    assert.equal(0, process:stop())
  end)

  it("has children of pools, on threads of their own too, and says what became of them, and who asked", function()
    local process = start [[
      local template = { name = "w", module = "plain", args = { text = "w" } }
      local function pool(name, where, own)
        template.executor = own
        return luvisor.supervisor { name = name, executor = where, strategy = "simple_one_for_one",
          template = luvisor.worker(template) }
      end
      return luvisor.supervisor { name = "root", children = { pool("here"), pool("there", "process"),
        pool("own", nil, "thread"), luvisor.program { name = "p", command = "sleep 600", ready = { after = 0 } } } }]]
    process:expect "root starting %-> running"
    local function luvisor(...) return ask(process, ...) end
    for _, name in ipairs { "here", "there", "own" } do
      luvisor("repl", "-e", ("unit('root/%s'):start_child()"):format(name))
      assert.equal('"running"\n', luvisor("repl", "-e", ("state('root/%s/1').state"):format(name)))
      assert.equal(("root/%s/1: STOPPED (shutdown)\n"):format(name), luvisor("stop", ("root/%s/1"):format(name)))
    end
    luvisor("repl", "-e", "unit('root/p'):restart()")
    assert.truthy(luvisor("why", "root/p"):find("asked to stop: restart by a script", 1, true))
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "coroutine", "thread", "process" } do
    it("has those who are down stopped, and says so, executor = " .. executor, function()
      local process = start(([[
        local function failing(name, restart)
          return luvisor.program { name = name, command = "false", restart = restart, backoff = { min = 90, max = 90 } }
        end
        return luvisor.supervisor { name = "root", children = { luvisor.supervisor { name = "sub", executor = %q,
          children = { failing "paced", failing("fatal", luvisor.restart.retries(0)) } } } }
      ]]):format(executor))
      local function luvisor(...) return command_for(process, ...) end
      process:expect "exit root/sub/paced: exit 1"
      process:expect "exit root/sub/fatal: exit 1"
      for _, name in ipairs { "paced", "fatal" } do
        local _, said = luvisor("stop", name)
        assert.truthy(said:find(("^root/sub/%s: STOPPED %%(stop by uid"):format(name)), said)
        _, said = luvisor("status", name)
        assert.truthy(said:find("STOPPED", 1, true), said)
      end
      assert.equal(0, process:stop())
    end)
  end

  it("ends when the host is killed", function()
    local process = start(subtree("process", mark))
    process:expect "root starting %-> running"
    assert.truthy(host.wait_until(function() return #alive(mark) == 2 end, 5))
    process:signal "sigkill"
    assert.truthy(host.wait_until(function() return #alive(mark) == 0 end, 10))
  end)

  it("gives up as any other, and its supervisor decides", function()
    local process = start([[
      return luvisor.supervisor { name = "root", intensity = { restarts = 1, within = 60 }, children = {
        luvisor.supervisor { name = "sub", executor = "process", intensity = { restarts = 1, within = 60 }, children = {
          luvisor.worker { name = "w", module = "ends", args = { how = "error" } } } } } }
    ]])
    assert.equal(1, process:wait(15))
    assert.equal(4, process:count "exit root/sub/w: error")
    assert.equal(2, process:count "exit root/sub: error: more than 1 restart", process:output())
  end)

  it("takes children at run time, told as plain values, and gives them back", function()
    local process = start([[
      local worker = require "luvisor.worker"
      local Boss = worker.define()
      Boss:actor("starting", function() return "run" end)
      Boss:actor("running", function(self)
        local sub = assert(luvisor.find "root/sub")
        local function say(what, value, message, code)
          self.log:info("%s: %s %s %s", what, tostring(value), tostring(message), tostring(code))
        end
        say("start", sub:start_child(luvisor.worker { name = "new", module = "plain", args = { text = "n" } }))
        say("again", sub:start_child(luvisor.worker { name = "new", module = "plain", args = { text = "n" } }))
        say("function", sub:start_child(luvisor.worker { name = "fn", module = "plain", args = { text = print } }))
        say("child", sub:child("new"))
        say("count", sub:count_children().active)
        say("restart", sub:restart_child(luvisor.find "root/sub/new"))
        say("info", luvisor.find("root/sub/new"):info().phase)
        say("terminate", sub:terminate_child("new"))
        say("delete", sub:delete_child("new"))
        say("gone", sub:child("new"))
        return "complete"
      end)
      return luvisor.supervisor { name = "root", children = {
        luvisor.supervisor { name = "sub", executor = "process", children = {
          luvisor.worker { name = "w", module = "plain", args = { text = "w" } } } },
        luvisor.worker { name = "boss", module = Boss, after = { sub = "ready" } } } }
    ]])
    process:expect "boss start: unit root/sub/new nil nil"
    process:expect "boss again: nil root/sub/new has been started already ALREADY_STARTED"
    process:expect 'boss function: nil [^\n]*key "args": a table cannot be sent to another runtime EINVAL'
    process:expect "boss child: unit root/sub/new"
    process:expect "boss count: 2"
    process:expect "boss restart: nil root/sub/new is running RUNNING"
    process:expect "boss info: running"
    process:expect "boss terminate: true"
    process:expect "boss delete: true"
    process:expect "boss gone: nil root/sub has no child new NOT_FOUND"
    assert.equal(0, process:stop())
  end)
end)
