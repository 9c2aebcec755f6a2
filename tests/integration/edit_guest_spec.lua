-- SPDX-License-Identifier: Apache-2.0
-- Live edits of what runs in a runtime of its own: units that are added there, heartbeats, policies, restarts.

local edits = require "edits"
local host = require "host"

describe("a live edit in a guest", function()
  local directory, process
  local command = edits.new(60)

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local WORKER = [[
    local W = require("luvisor.worker").define()
    W:actor("starting", function() return "run" end)
    W:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    W:call("block", function(_, seconds)
      local ends = os.clock() + seconds
      repeat until os.clock() > ends
    end)
    return W]]

  local TREE = [[
    local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", intensity = { restarts = 50 }, children = {
      luvisor.supervisor { name = "s", executor = EXECUTOR, intensity = { restarts = 9 }, children = {
        luvisor.worker { name = "a", module = "w" },
        luvisor.program { name = "p", command = "sleep 600", ready = { after = 0 } },
        luvisor.program { name = "once", command = "sleep 600", ready = { after = 0 }, restart = "temporary" },
        luvisor.supervisor { name = "deep", executor = "process", children = {
          luvisor.worker { name = "b", module = "w" } } } } },
      luvisor.worker { name = "own", module = "w", executor = EXECUTOR },
    } }]]

  local function start(executor, ...)
    host.write(directory .. "/tree.lua", (TREE:gsub("EXECUTOR", '"' .. executor .. '"')))
    host.write(directory .. "/w.lua", WORKER)
    process = host.spawn({ "run", "tree.lua", ... }, nil, { cwd = directory })
    command.process = process
    process:expect("top starting %-> running", 30)
  end

  local function luvisor(...) return command:luvisor(...) end
  local function says(...) command:says(...) end
  local function refuses(...) command:refuses(...) end
  local function status() return command:status() end

  local function reaches(path, state)
    local last
    local is_there = host.wait_until(function()
      last = status()[path]
      return last and last.state == state and last
    end, 20)
    return assert(is_there, ("%s: %s\n%s"):format(path, last and last.state or "not there", process:output()))
  end

  local function write_more(text) return edits.write_more(directory, text) end

  local MORE = [[{ luvisor.program { name = "x", command = "sleep 600", after = { p = "ready" },
      restart = function() return "restart", 0.1 end, ready = { after = 0 } },
    luvisor.worker { name = "y", module = "extra" } }]]

  local POLICY = [[luvisor.program { name = "x", command = "true", restart = function() return "stop" end }]]

  for _, executor in ipairs { "thread", "process" } do
    it("adds units, which last through its restart and its crash, and end with a reload: " .. executor, function()
      start(executor)
      local before = status()
      local file = write_more(MORE)
      host.write(directory .. "/extra.lua", WORKER)
      says("+ top/s/x  added\n+ top/s/y  added\n", "add", "--under", "s", file)
      host.write(file, "nonsense") -- it was read once
      host.write(directory .. "/extra.lua", "nonsense")
      local x = reaches("top/s/x", "RUNNING")
      reaches("top/s/y", "running")
      assert.equal("added", x.drift)
      assert.equal(before["top/s/p"].pid, status()["top/s/p"].pid)
      assert.equal(0, (luvisor("signal", "KILL", "top/s/x"))) -- by the policy that came along
      assert(host.wait_until(function()
        local now = status()["top/s/x"]
        return now.pid ~= x.pid and now.state == "RUNNING"
      end, 20))
      assert.equal(0, (luvisor("restart", "s")))
      x = reaches("top/s/x", "RUNNING")
      file = write_more 'luvisor.worker { name = "c", module = "w" }'
      assert.equal(0, (luvisor("add", "--under", "top/s/deep", file)))
      reaches("top/s/deep/c", "running")
      if executor == "process" then
        local pid = status()["top/s"].pid
        require "luv".kill(pid, 9)
        assert(host.wait_until(function()
          local units = status()
          return units["top/s"].pid ~= pid and units["top/s/x"] and units["top/s/x"].pid ~= x.pid
        end, 30))
        reaches("top/s/x", "RUNNING")
      end
      reaches("top/s/deep/c", "running")
      assert.equal("added", status()["top/s/deep/c"].drift)
      says("- top/s/x  removed\n- top/s/y  removed\n- top/s/deep/c  removed\n", "reload")
      local after = status()
      assert.is_nil(after["top/s/x"])
      assert.is_nil(after["top/s/deep/c"])
      assert.is_nil(after["top/s"].drift)
      assert.equal(0, process:stop())
    end)
  end

  it("adds what has runtimes of its own below it", function()
    start "thread"
    local text = [[
      local function above(name, executor, child)
        return luvisor.supervisor { name = name, executor = executor, children = { child } }
      end
      return { above("x", nil, above("y", "thread", luvisor.worker { name = "z", module = "w" })),
        above("u", "thread", above("v", "process", luvisor.worker { name = "w", module = "w" })),
        above("n", "thread", luvisor.program { name = "p", count = 2, command = "sleep 600" }) }]]
    for _, path in ipairs { "top", "top/s" } do
      assert.equal(0, (luvisor("add", "--under", path, write_more(("(function() %s end)()"):format(text)))))
      reaches(path .. "/x/y/z", "running")
      reaches(path .. "/u/v/w", "running")
      reaches(path .. "/n/p:1", "RUNNING")
    end
    assert.equal(0, process:stop())
  end)

  it("adds nothing where either side finds a mistake, and says where it is", function()
    start "thread"
    local function adding(text) return "add", "--under", "s", write_more(text) end
    refuses('more.lua:1: program "x": key "comand": unknown key, did you mean "command"',
      adding 'luvisor.program { name = "x", comand = "y" }')
    refuses("top/s has a child a already", adding 'luvisor.worker { name = "a", module = "w" }')
    refuses('more.lua:1: program "x": key "after": .*top/own', adding
      'luvisor.program { name = "x", command = "y", after = { ["top/own"] = "ready" } }')
    host.write(directory .. "/here.lua", 'os.setlocale "C" ' .. WORKER) -- refused on a thread, and only there
    local code, _, err = luvisor(adding 'luvisor.worker { name = "h", module = "here" }')
    assert.equal(1, code)
    assert.truthy(err:find('top/s: .*more.lua:1: worker "h": key "module": .*os%.setlocale'), err)
    local units = status()
    for _, path in ipairs { "top/s/x", "top/s/h" } do assert.is_nil(units[path]) end
    assert.is_nil(units["top/s"].drift)
    assert.equal(1, units["top/s"].generation)
    host.write(directory .. "/here.lua", WORKER) -- a mistake that was mended
    says("+ top/s/h  added\n", adding 'luvisor.worker { name = "h", module = "here" }')
    reaches("top/s/h", "running")
    says("+ top/t  added\n", "add", write_more [[luvisor.supervisor { name = "t", executor = "thread", children = {
      luvisor.worker { name = "a", module = "w" } } }]])
    refuses('key "restart": a function cannot be sent', "add", "--under", "top/t", write_more(POLICY))
    says("+ top/t/x  added\n", "add", "--under", "top/t", write_more 'luvisor.worker { name = "x", module = "w" }')
    reaches("top/t/x", "running")
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "coroutine", "thread", "process" } do
    it("sets the heartbeat of a worker: " .. executor, function()
      start(executor)
      local function blocked()
        luvisor("repl", "-e", "luvisor.call('top/own', 'block', 1.5)")
        return status()["top/own"].generation
      end
      says("~ top/own  changed in place: timeouts\n", "set", "top/own", "heartbeat.running", "20")
      says("~ top/s/a  changed in place: timeouts\n", "set", "top/s/a", "heartbeat", "7")
      says("~ top/s/deep/b  changed in place: timeouts\n", "set", "top/s/deep/b", "heartbeat.running", "8")
      assert.equal(1, status()["top/own"].generation)
      assert.equal("timeouts set", status()["top/own"].drift)
      says("~ top/own  changed in place: timeouts\n", "set", "top/own", "heartbeat.running", "0.3")
      assert(host.wait_until(function() return blocked() > 1 end, 30), process:output())
      reaches("top/own", "running")
      says("~ top/own  changed in place: timeouts\n", "set", "top/own", "heartbeat", "60")
      reaches("top/own", "running") -- the short one may have been missed once more
      local generation = status()["top/own"].generation
      assert.equal(generation, blocked())
      refuses('key "heartbeat.flying": unknown state', "set", "top/own", "heartbeat.flying", "9")
      refuses('key "heartbeat": expected seconds', "set", "top/s/a", "heartbeat", "soon")
      assert.equal(0, (luvisor("restart", "top/s")))
      says("~ top/s/a  changed in place: timeouts\n~ top/s/deep/b  changed in place: timeouts\n"
        .. "~ top/own  changed in place: timeouts\n", "reload")
      assert.is_nil(status()["top/own"].drift)
      assert.equal(0, process:stop())
    end)
  end

  for _, executor in ipairs { "thread", "process" } do
    it("takes lists, and is told of by why, with who asked and what else there was: " .. executor, function()
      start(executor)
      says("~ top/s/p  changed in place: tags\n", "set", "top/s/p", "tags", '["x", "y"]')
      assert.same({ "x", "y" }, status()["top/s/p"].tags)
      assert.equal(0, (luvisor("stop", "top/s/p")))
      local code, _, err = luvisor("add", "--under", "top/s", "--timeout", "2", write_more [[{
        luvisor.program { name = "bad", command = "echo some last words >&2; exit 3", shell = true,
          stderr = { prefix = true }, restart = luvisor.restart.retries(1), backoff = { min = 0.01 } },
        luvisor.program { name = "late", command = "sleep 600", after = { bad = "ready" } } }]])
      assert.equal(5, code, err)
      assert.truthy(err:find "top/s/bad: is FATAL: exit 3\n  | some last words", err)
      local _, out = luvisor("why", "top/s/p", "top/s/late", "top/s")
      assert.truthy(out:find "changed in place: tags.*asked to stop: stop by uid.*stopped: shutdown", out)
      assert.truthy(out:find("late is WAITING: waits for bad to be ready, which is FATAL: exit 3", 1, true), out)
      assert.truthy(out:find "because\n  top/s/bad is FATAL.*starts again in.*given up\n.*| some last words", out)
      assert.falsy(out:find("upgraded", 1, true), out)
      assert.equal(0, process:stop())
    end)
  end

  it("sets a policy by its text", function()
    start "thread"
    says("~ top/s/p  changed in place: restart\n", "set", "top/s/p", "restart",
      'function() return "give_up" end')
    says("nothing has changed\n", "set", "top/s/p", "restart", 'function() return "give_up" end')
    says("~ top/own  changed in place: restart\n", "set", "top/own", "restart", "luvisor.restart.retries(3)")
    says("~ top/own  changed in place: restart\n", "set", "top/own", "restart", "luvisor.restart.never")
    assert.equal(0, (luvisor("restart", "top/s")))
    reaches("top/s/p", "RUNNING")
    assert.equal(0, (luvisor("signal", "KILL", "top/s/p")))
    reaches("top/s/p", "FATAL")
    refuses('key "restart": policy:1: .*nonsense', "set", "top/s/p", "restart", "nonsense()")
    refuses("expected a policy, which is a function, got number", "set", "top/s/p", "restart", "(7)")
    refuses('did you mean "permanent"', "set", "top/s/p", "restart", "permanant")
    local code, out = luvisor("repl", "-e", 'set("top/s/p", "restart", luvisor.restart.retries(3))')
    assert.equal(1, code)
    assert.truthy(out:find("give it as text", 1, true), out)
    says("~ top/s/p  changed in place: restart\n", "repl", "-e",
      'set("top/s/p", "restart", "luvisor.restart.retries(3)")')
    assert.equal(0, (luvisor("repl", "-e", 'set("top/own", "restart", luvisor.restart.retries(4))')))
    assert.equal(0, process:stop())
  end)

  it("sets no policy by its text where nobody may evaluate Lua", function()
    start("thread", "--no-repl")
    refuses("%-%-no%-repl", "set", "top/s/p", "restart", "luvisor.restart.retries(3)")
    says("~ top/s/p  changed in place: restart\n", "set", "top/s/p", "restart", "transient")
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "coroutine", "thread", "process" } do
    it("restarts a temporary unit, and forgets it once it is stopped: " .. executor, function()
      start(executor)
      local pid = reaches("top/s/once", "RUNNING").pid
      says("top/s/once: RUNNING\n", "restart", "top/s/once")
      assert.not_equal(pid, reaches("top/s/once", "RUNNING").pid)
      assert.equal(0, (luvisor("stop", "top/s/once")))
      assert(host.wait_until(function() return not status()["top/s/once"] end, 20))
      assert.equal(0, process:stop())
    end)
  end
end)
