-- SPDX-License-Identifier: Apache-2.0
-- Reloading a script that runs, by SIGHUP. Numbers in brackets are those of failures.md.

local host = require "host"

local COUNTER = [[
local luvisor = require "luvisor"
local C = require("luvisor.worker").define { version = %d }
C:actor("starting", function(self) self.data = { n = 0 } return "run" end)
C:actor("running", { every = 0.05 }, function(self)
  self.data.n = self.data.n + 1
  if self.data.n %% 10 == 0 then self.log:info("%s counts, more than %%d", self.data.n // 10 * 10) end
  return self.stopping and "complete" or "keepalive"
end)
%s
return C
]]

local UPGRADE = "C:upgrade(function(_, old, data) luvisor.mark = old return data end)"

describe("a reload", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function write(name, text) host.write(directory .. "/" .. name, text) end

  local function write_tree(children)
    write("tree.lua", [[local luvisor = require "luvisor"
      local function sleep(name, seconds, keys)
        local spec = { name = name, command = { "sleep", tostring(seconds) }, ready = { after = 0 } }
        for key, value in pairs(keys or {}) do spec[key] = value end
        return luvisor.program(spec)
      end
      return luvisor.supervisor { name = "top", children = {]] .. children .. "} }")
  end

  local function start(env)
    process = host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
    process:expect "top starting %-> running"
    return process
  end

  local reloads = 0

  local function reload(pattern)
    local before = process:count "reload: [^\n]*\n"
    process:signal "sighup"
    process:expect(pattern or "reload: done", 20, process:count(pattern or "reload: done") + 1)
    assert.is_true(process:count "reload: [^\n]*\n" > before)
    reloads = reloads + 1
  end

  local function pid_of(name) return process:expect(name .. " STOPPED %-> STARTING %(pid (%d+)%)") end

  it("of the same script changes nothing (3.60)", function()
    write("counter.lua", COUNTER:format(1, "old", ""))
    write_tree [[ sleep("a", 600), luvisor.worker { name = "c", module = "counter" } ]]
    start()
    for _ = 1, 3 do reload "reload: nothing has changed" end
    assert.equal(1, process:count "top/a STOPPED %-> STARTING")
    assert.equal(1, process:count "top/c idle %-> starting")
    assert.equal(0, process:stop())
  end)

  it("adds, removes, restarts what exec sees differently, and leaves the rest alone", function()
    write_tree [[ sleep("a", 600), sleep("b", 601), sleep("c", 602) ]]
    start()
    local pid = pid_of "top/a"
    write_tree [[ sleep("a", 600, { tags = { "x" } }), sleep("c", 603), sleep("d", 604) ]]
    reload()
    for _, line in ipairs {
      "reload: %- top/b  removed\n", "reload: ~ top/a  changed in place: tags\n",
      "reload: ! top/c  restart %(command changed%)\n", "reload: %+ top/d  added\n", "reload: done, 4 steps\n",
    } do assert.equal(1, process:count(line), process:output()) end
    process:expect "top/d STARTING %-> RUNNING"
    assert.equal(1, process:count "top/a STOPPED %-> STARTING")
    assert.equal(1, process:count "top/b stopped: shutdown")
    assert.equal(2, process:count "top/c STOPPED %-> STARTING")
    local uv = require "luv"
    assert.equal(0, uv.kill(math.tointeger(tonumber(pid)), 0))
    assert.equal(0, process:stop())
  end)

  it("tells a worker apart from the parts of the library that another one begins to use", function()
    write("counter.lua", COUNTER:format(1, "old", ""))
    write("other.lua", COUNTER:format(1, "other", ""))
    write_tree [[ luvisor.worker { name = "c", module = "counter" }, luvisor.worker { name = "o", module = "other" } ]]
    start()
    write("other.lua", COUNTER:format(1, "other", [[C:call("hello", function() return luvisor.whereis "c" end)]]))
    reload "reload: done, 1 step\n"
    process:expect "reload: ! top/o  restart %(code of module other changed%)"
    assert.equal(1, process:count "top/c idle %-> starting")
    reload "reload: nothing has changed"
    assert.equal(0, process:stop())
  end)

  it("gives a worker new code, and lets it keep its data and its place", function()
    write("counter.lua", COUNTER:format(1, "old", UPGRADE))
    write_tree [[ luvisor.worker { name = "c", module = "counter" } ]]
    start()
    process:expect "old counts, more than 10\n"
    write("counter.lua", COUNTER:format(2, "new", UPGRADE))
    reload()
    assert.equal(1, process:count "reload: ~ top/c  upgrade %(code of module counter changed%)")
    local count = tonumber(process:expect "new counts, more than (%d+)\n")
    assert.is_true(count >= 20, process:output())
    assert.equal(1, process:count "top/c idle %-> starting")
    assert.equal(0, process:stop())
  end)

  it("starts a worker anew whose code cannot be upgraded: the control arm", function()
    write("counter.lua", COUNTER:format(1, "old", ""))
    write_tree [[ luvisor.worker { name = "c", module = "counter" } ]]
    start()
    process:expect "old counts, more than 10\n"
    write("counter.lua", COUNTER:format(2, "new", ""))
    reload()
    assert.equal(1, process:count "reload: ! top/c  restart %(code of module counter changed%)")
    assert.equal(10, tonumber(process:expect "new counts, more than (%d+)\n"))
    assert.equal(2, process:count "top/c idle %-> starting")
    assert.equal(0, process:stop())
  end)

  it("goes on with the old code and data when the upgrade fails (3.68)", function()
    for how, message in pairs {
      ["C:upgrade(function(self, _, data) data.n, self.x = 'lost', 1 error('cannot', 0) end)"] = "cannot",
      ["C:upgrade(function() end)"] = "expected the data, a table, got nothing",
      ["C:upgrade(function() while true do pcall(error) end end)"] = "upgrade takes more than 5 s",
    } do
      write("counter.lua", COUNTER:format(1, "old", UPGRADE))
      write_tree [[ luvisor.worker { name = "c", module = "counter" } ]]
      start()
      process:expect "old counts, more than 10\n"
      write("counter.lua", COUNTER:format(2, "new", how))
      reload "reload: done, 1 step, 1 failed"
      process:expect("top/c upgrade failed, the old code goes on: [^\n]*" .. message)
      process:expect "old counts, more than 30\n"
      assert.equal(0, process:count "new counts")
      assert.equal(1, process:count "top/c idle %-> starting")
      assert.equal(0, process:stop())
    end
  end)

  local BROKEN = {
    ["a syntax error"] = { "return luvisor luvisor", "tree.lua:1: [^\n]*near 'luvisor'" },
    ["a runtime error"] = { "local x = nil\nreturn x.y", "tree.lua:2: attempt to index a nil value" },
    ["an infinite loop"] = { "while true do pcall(function() while true do end end) end",
      "loading takes more than 2 s" },
    ["a memory bomb"] = { "local t = {} while true do t[#t + 1] = ('x'):rep(1e5) .. #t end",
      "loading takes more than 20 MB" },
    ["a missing module"] = { [[return require "nowhere"]], "module 'nowhere' not found" },
    ["an unknown key"] = { [[return require("luvisor").supervisor { name = "top", childen = {} }]],
      'did you mean "children"' },
    ["a cycle"] = { [[local l = require "luvisor"
      return l.supervisor { name = "top", children = {
        l.program { name = "x", command = "x", after = { y = "ready" } },
        l.program { name = "y", command = "y", after = { x = "ready" } } } }]], "cycle" },
    ["another root"] = { [[return require("luvisor").supervisor { name = "other" }]], "cannot become" },
    ["an infinite loop in C"] = { "(('x'):rep(1e6)):gsub('x', function() while true do pcall(error) end end)",
      "loading %a+ " }, -- takes more time, or holds up everything else
  }

  it("that fails leaves everything as it was (3.61)", function()
    write("counter.lua", COUNTER:format(1, "old", UPGRADE))
    write_tree [[ sleep("a", 600), luvisor.worker { name = "c", module = "counter" } ]]
    start { LUVISOR_LOAD_TIMEOUT = "2", LUVISOR_LOAD_MEMORY = "20MB" }
    for what, broken in pairs(BROKEN) do
      write("tree.lua", broken[1])
      process:signal "sighup"
      local pattern = "reload: [^\n]*" .. broken[2] .. "[^;]*; nothing has changed"
      local ok, message = pcall(process.expect, process, pattern, 20)
      assert(ok, what .. ": " .. tostring(message))
    end
    write_tree [[ sleep("a", 600), luvisor.worker { name = "c", module = "counter" } ]]
    reload "reload: nothing has changed"
    process:expect "old counts, more than 20\n"
    assert.equal(1, process:count "top/a STOPPED %-> STARTING")
    assert.equal(1, process:count "top/c idle %-> starting")
    assert.equal(0, process:stop())
  end)

  it("replaces what the script had subscribed to", function()
    local TREE = [[local luvisor = require "luvisor"
      luvisor.on("start", function(event) io.stderr:write("%s saw " .. event.unit .. "\n") end)
      return luvisor.supervisor { name = "top", children = { %s } }]]
    local function child(name)
      return ([[luvisor.program { name = "%s", command = "sleep 600", ready = { after = 0 } },]]):format(name)
    end
    write("tree.lua", TREE:format("first", child "a"))
    start()
    process:expect "first saw top/a"
    write("tree.lua", TREE:format("second", child "a" .. child "b"))
    reload()
    process:expect "second saw top/b"
    assert.equal(0, process:count "first saw top/b")
    assert.equal(0, process:stop())
  end)

  it("waits for the one before, and those that wait are one (3.62)", function()
    write_tree [[ luvisor.program { name = "slow", command = { "sh", "-c",
      "trap 'while [ ! -e go ]; do sleep 0.1; done; exit 0' TERM; echo up; while :; do sleep 0.1; done" },
      ready = { line = "up" }, stdout = { prefix = true }, shutdown = 30 } ]]
    start()
    write_tree [[ sleep("quick", 600) ]]
    process:signal "sighup"
    process:expect "reload: %+ top/quick"
    for _ = 1, 5 do
      process:signal "sighup"
      process:expect("SIGHUP: reloading", 5, process:count "SIGHUP: reloading" + 1)
    end
    write("go", "")
    process:expect "reload: nothing has changed"
    assert.equal(1, process:count "reload: done")
    assert.equal(1, process:count "reload: nothing has changed")
    for round = 2, 3 do -- the control: where nobody waits each is one of its own
      process:signal "sighup"
      process:expect("reload: nothing has changed", 5, round)
    end
    local log = process:output()
    assert.is_true(log:find("top/slow stopped", 1, true) < log:find("top/quick STOPPED -> STARTING", 1, true), log)
    assert.equal(0, process:stop())
  end)
end)
