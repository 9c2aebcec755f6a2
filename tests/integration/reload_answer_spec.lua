-- SPDX-License-Identifier: Apache-2.0
-- What a reload and a live edit answer: what of all that they have started did not get ready, and why.

local host = require "host"
local json = require "host.json"

describe("a reload answers", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local WORKER = [[
    local W = require("luvisor.worker").define()
    W:actor("starting", function(self)
      if self.args and self.args.fails then error "no disk" end
      return "run"
    end)
    W:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    return W]]

  local TREE = [[
    local luvisor = require "luvisor"
    local function program(name, script, keys)
      keys = keys or {}
      keys.name, keys.command, keys.backoff = name, { "sh", "-c", script }, { min = 0.01, max = 0.02 }
      keys.stdout, keys.stderr = { prefix = true }, { prefix = true }
      return luvisor.program(keys)
    end
    local function worker(name, args) return luvisor.worker { name = name, module = "w", args = args } end
    return luvisor.supervisor { name = "top", children = {
      worker "w", luvisor.supervisor { name = "s", executor = EXECUTOR, children = { worker "a", INSIDE } }, MORE } }]]

  local function write(keys)
    keys.EXECUTOR = keys.EXECUTOR or '"coroutine"'
    host.write(directory .. "/tree.lua", (TREE:gsub("%u%u%u%u+", function(word) return keys[word] or "nil" end)))
  end

  local function start(keys)
    host.write(directory .. "/w.lua", WORKER)
    write(keys or {})
    process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    process:expect("top starting %-> running", 30)
  end

  local function luvisor(...)
    return process:client({ ... }, 60)
  end

  local FATAL = [[program("x", "echo out of paper >&2; exit 3")]]

  it("with a program that is FATAL, its reason and its last words", function()
    start()
    write { MORE = FATAL }
    local code, out, err = luvisor "reload"
    assert.equal(1, code)
    assert.equal("+ top/x  added\n", out)
    assert.truthy(err:find("top/x: is FATAL: exit 3", 1, true), err)
    assert.truthy(err:find("  | out of paper", 1, true), err)
    code, out = luvisor("reload", "--json")
    assert.equal(0, code, out) -- it has started nothing
    assert.equal(0, process:stop())
  end)

  it("when what it started is ready: the control arm", function()
    start()
    write { MORE = [[program("x", "sleep 600", { ready = { after = 0.3 } })]] }
    assert.equal(0, (luvisor "reload"))
    assert.truthy(select(2, luvisor("status", "--json")):find('"state":"RUNNING"', 1, true))
    write { MORE = [[program("x", "exit 0", { restart = "transient" })]] }
    local code, _, err = luvisor "reload"
    assert.equal(0, code, err)
    assert.equal(0, process:stop())
  end)

  it("with a worker that fails to start, and with what is below a supervisor", function()
    start()
    write { MORE = [[worker("x", { fails = true }),
      luvisor.supervisor { name = "y", children = { ]] .. FATAL .. [[, worker "z" } }]] }
    local code, _, err = luvisor "reload"
    assert.equal(1, code)
    assert.truthy(err:find("top/x: failed to start: .*no disk"), err)
    assert.truthy(err:find("top/y/x: is FATAL: exit 3", 1, true), err)
    assert.falsy(err:find("top/y/z", 1, true), err)
    assert.falsy(err:find("top/y:", 1, true), err)
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "thread", "process" } do
    it("with what was started in a guest: " .. executor, function()
      local keys = { EXECUTOR = '"' .. executor .. '"' }
      start(keys)
      keys.INSIDE = FATAL .. [[, worker("b", { fails = true }), worker "c"]]
      write(keys)
      local code, _, err = luvisor "reload"
      assert.equal(1, code)
      assert.truthy(err:find("top/s/x: is FATAL: exit 3", 1, true), err)
      assert.truthy(err:find("top/s/b: failed to start: .*no disk"), err)
      assert.falsy(err:find("top/s/c", 1, true), err)
      assert.equal(0, process:stop())
    end)
  end

  it("after the time that it is given, with 5, and at once where nobody waits", function()
    start()
    write { MORE = [[program("x", "sleep 600", { ready = { line = "never" }, start_timeout = "infinity" })]] }
    local code, _, err = luvisor("reload", "--timeout", "0.5")
    assert.equal(5, code)
    assert.truthy(err:find("top/x: is not ready", 1, true), err)
    write { MORE = FATAL }
    code, _, err = luvisor("reload", "--no-wait")
    assert.equal(0, code, err)
    assert.equal(2, (luvisor("reload", "--timeout", "soon")))
    assert.equal(0, process:stop())
  end)

  it("and so do add and scale", function()
    start { MORE = [[luvisor.program { name = "web", count = 2, ready = { after = 0.2 },
      backoff = { min = 0.01, max = 0.02 },
      command = function(i) return { "sh", "-c", i == 2 and "exit 4" or "sleep 600" } end }]] }
    host.write(directory .. "/more.lua", [[return require("luvisor").program { name = "x", shell = true,
      command = "exit 3", backoff = { min = 0.01, max = 0.02 } }]])
    local code, _, err = luvisor("add", directory .. "/more.lua")
    assert.equal(1, code)
    assert.truthy(err:find("top/x: is FATAL: exit 3", 1, true), err)
    local out
    code, out, err = luvisor("scale", "web", "3", "--json")
    assert.equal(1, code, err)
    assert.equal("top/web:2", json.decode(out).failures[1].path)
    code, out = luvisor("repl", "-e", "scale('web', 2)")
    assert.equal(0, code, out)
    assert.equal(0, process:stop())
  end)
end)
