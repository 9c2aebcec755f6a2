-- SPDX-License-Identifier: Apache-2.0
-- Workers that never come back to the loop, each in another way; what the host makes of them, and of the others.

local SPIN = require "spin"
local host = require "host"

local HEAD = ([[
  local luvisor, worker, uv = require "luvisor", require "luvisor.worker", require "luv"
  local function spin() SPIN end
  local function define(fn)
    local definition = worker.define()
    definition:actor("running", { every = 0.01 }, fn)
    return definition
  end
  local function good()
    return luvisor.worker { name = "good", module = define(function(self)
      if self.stopping then return "complete" end
      self.beats = (self.beats or 0) + 1
      if self.beats % 20 == 0 then print("good", self.beats) end
      return "keepalive"
    end) }
  end
  local function tree(fn, keys)
    local bad = { name = "bad", module = define(fn), restart = "temporary" }
    for key, value in pairs(keys or {}) do bad[key] = value end
    return luvisor.supervisor { name = "top", children = { luvisor.worker(bad), good() } }
  end
]]):gsub("SPIN", SPIN)

local LIMITS = { LUVISOR_HEARTBEAT = "0.3", LUVISOR_STALL = "0.2", LUVISOR_KILL = "0.1" }
local UNWATCHED = { LUVISOR_HEARTBEAT = "0.5", LUVISOR_SLICE = "1000", LUVISOR_STALL = "1000", LUVISOR_KILL = "1000" }

-- In each, `spin` is a loop without end.
local HOSTILE = {
  ["a plain loop"] = "spin()",
  ["a recursion in tail position"] = "local function f() local _ = {} return f() end f()",
  ["a goto"] = "::again:: local _ = {} goto again",
  ["a pcall loop"] = "while true do pcall(spin) end",
  ["nested pcall loops"] = "while true do pcall(function() while true do pcall(spin) end end) end",
  ["an xpcall loop"] = "while true do xpcall(spin, function(m) return m end) end",
  ["an xpcall with a handler that loops"] = "while true do xpcall(spin, spin) end",
  ["an error whose handler loops"] = "while true do xpcall(error, spin, 'x') end",
  ["a __close that loops, after an error"] =
    "local _ <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end }) error 'boom'",
  ["a __close that loops, after a loop"] =
    "local _ <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end }) spin()",
  ["many __close that loop"] =
    [[local function f(n) local _ <close> = setmetatable({}, { __close = spin }) if n > 0 then f(n - 1) end spin() end
      f(20)]],
  ["a coroutine"] = "coroutine.wrap(spin)()",
  ["coroutines in coroutines"] =
    "local function f(n) if n == 0 then spin() end coroutine.wrap(f)(n - 1) end f(20)",
  ["a resume loop over coroutines that loop"] = "while true do coroutine.resume(coroutine.create(spin)) end",
  ["a spawner of coroutines"] =
    "local function f() while true do pcall(coroutine.wrap(f)) end end f()",
  ["coroutine.close of a __close that loops"] =
    [[local co = coroutine.create(function()
        local _ <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end })
        coroutine.yield()
      end)
      coroutine.resume(co)
      while true do coroutine.close(co) end]],
  ["a wrapped coroutine that ends with an error and a __close that loops"] =
    [[coroutine.wrap(function()
        local _ <close> = setmetatable({}, { __close = function() while true do pcall(spin) end end })
        error "boom"
      end)()]],
  ["a comparator of table.sort"] = "table.sort({ 1, 2, 3, 4 }, spin)",
  ["a comparator of table.sort, in a pcall loop"] =
    "while true do pcall(table.sort, { 1, 2, 3 }, function() while true do pcall(spin) end end) end",
  ["a callback of string.gsub"] = "('x'):rep(9):gsub('x', spin)",
  ["a coroutine in a callback"] = "('x'):gsub('x', function() coroutine.wrap(spin)() end)",
  ["a metamethod called from C"] = "tostring(setmetatable({}, { __tostring = spin }))",
  ["a metamethod"] = "return setmetatable({}, { __index = spin }).x",
  ["an iterator"] = "for _ in spin do local _ = 1 end",
  ["a reader of load"] = "load(spin)",
  ["an error object whose __tostring loops"] = "error(setmetatable({}, { __tostring = spin }))",
  ["a cleanup that starts over"] =
    [[local function f() local _ <close> = setmetatable({}, { __close = function() f() end }) spin() end f()]],
}

describe("a worker that runs away", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function run(body, env)
    host.write(directory .. "/tree.lua", HEAD .. body)
    return host.spawn({ "run", directory .. "/tree.lua" }, env or LIMITS)
  end

  local names = {}
  for name in pairs(HOSTILE) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it("is ended in " .. name, function()
      local process = run(("return tree(function(self) %s end)"):format(HOSTILE[name]))
      local why = process:expect("top/bad ended: ([^\n]*)", 20)
      assert.truthy(why:find "^timeout" or why:find "^killed" or why:find "^error", why)
      local before = process:count "good\t"
      process:expect("good\t", 20, before + 2)
      assert.equal(0, process:stop())
    end)
  end

  it("stops everything without the watchdog", function()
    local process = run("return tree(function() print 'begins' spin() end)", UNWATCHED)
    process:expect "begins"
    host.stay(1.5)
    assert.equal(0, process:count "good\t")
    assert.equal(0, process:count "top/bad ended")
    process:signal "sigterm"
    host.stay(0.5)
    assert.equal(0, process:count "SIGTERM")
    process:signal "sigkill"
  end)

  it("can be stopped at once, with all the others", function()
    local process = run("return tree(function() print 'begins' spin() end, { shutdown = 0.2 })",
      { LUVISOR_HEARTBEAT = "60" })
    process:expect "begins"
    process:expect("good\t", 20, 2)
    process:signal "sigterm"
    process:expect("SIGTERM: stopping", 20)
    assert.same({ 0, 0 }, { process:wait(20) })
    process:expect "top/bad[^\n]*did not stop within 0.2 s"
  end)

  it("says where it ran", function()
    local process = run([[
      luvisor.on("exit", function(event) print(event.exit.kind, event.exit.deadline, event.exit.traceback) end)
      return tree(function() spin() end)
    ]])
    process:expect("timeout\theartbeat\t[^\n]*tree.lua:2: in upvalue 'spin'\n[^\n]*tree.lua:", 20)
    process:stop()
  end)

  it("is told from one that cannot be cut and stalls the others", function()
    local process = run("return tree(function() table.sort({ 1, 2, 3 }, spin) end)",
      { LUVISOR_HEARTBEAT = "60", LUVISOR_STALL = "0.2" })
    process:expect("top/bad ended: timeout: stall in running", 20)
    process:stop()
  end)

  it("has its cleanup run when it is cancelled", function()
    local process = run [[
      return tree(function()
        local _ <close> = setmetatable({}, { __close = function() print "closed" end })
        print("caught", pcall(spin))
      end)
    ]]
    process:expect("caught\tfalse\t[^\n]*tree.lua:2: cancelled", 20)
    process:expect("closed", 20)
    process:expect("top/bad ended: timeout: heartbeat", 20)
    process:stop()
  end)

  it("that goes on after that is killed, and no more of it is run", function()
    local process = run [[
      return tree(function()
        local _ <close> = setmetatable({}, { __close = function() print "closed" end })
        print("caught", pcall(spin))
        spin()
      end)
    ]]
    process:expect("caught\tfalse\t[^\n]*tree.lua:2: cancelled", 20)
    process:expect("top/bad ended: timeout: heartbeat", 20)
    process:stop()
    assert.equal(0, process:count "closed")
  end)

  it("goes on where it was cut, and counts right", function()
    local process = run [[
      local function chain(depth)
        if depth == 0 then
          return coroutine.wrap(function() for i = 1, math.huge do coroutine.yield(i) end end)
        end
        local below = chain(depth - 1)
        return coroutine.wrap(function() while true do coroutine.yield(below()) end end)
      end
      local counter = define(function(self)
        local next_number, expected = chain(5), 0
        local began = uv.hrtime()
        while uv.hrtime() - began < 1.5e9 do
          expected = expected + 1
          local got = next_number()
          if got ~= expected then print("wrong", got, expected) return "complete" end
          if expected % 1000 == 0 then self:beat() end
        end
        print("right", expected)
        return "complete"
      end)
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "counter", module = counter, restart = "transient", heartbeat = 60 },
        luvisor.worker { name = "one", module = define(spin), restart = "temporary" },
        luvisor.worker { name = "two", module = define(spin), restart = "temporary" },
        good(),
      } }
    ]]
    process:expect("top/counter running", 30)
    assert.equal(0, process:count "wrong\t")
    assert.equal(1, process:count "right\t")
    assert.truthy(process:count "good\t" >= 1)
    process:stop()
  end)

  it("does not lend its coroutine to others in the middle of a slice", function()
    local process = run [[
      local shared = coroutine.create(function() spin() end)
      local peek = define(function(self)
        if self.stopping then return "complete" end
        if coroutine.status(shared) == "normal" and not self.peeked then
          self.peeked = true
          print("peek", coroutine.resume(shared))
          print("close", pcall(coroutine.close, shared))
        end
        return "keepalive"
      end)
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "peek", module = peek },
        luvisor.worker { name = "bad", restart = "temporary",
          module = define(function() coroutine.resume(shared) end) },
      } }
    ]]
    process:expect("peek\tfalse\tcannot resume non%-suspended coroutine", 20)
    process:expect("close\tfalse\tcannot close a normal coroutine", 20)
    process:stop()
  end)

  it("cannot take the hook or the signal away", function()
    local process = run [[
      return tree(function()
        print(pcall(debug.sethook))
        print(pcall(uv.signal_start, uv.new_signal(), "sigurg", print))
        print(pcall(function() uv.new_signal():start(23, print) end))
        return "complete"
      end)
    ]]
    process:expect("false\t[^\n]*debug.sethook", 20)
    process:expect("false\t[^\n]*SIGURG", 20, 2)
    process:stop()
  end)

  describe("outside of every worker", function()
    it("is cancelled in a subscriber", function()
      local process = run [[
        luvisor.on("exit", function() while true do pcall(spin) end end)
        return tree(function() return "complete" end)
      ]]
      process:expect("subscriber of exit: [^\n]*tree.lua:%d+: killed", 20)
      process:expect("good\t", 20, 2)
      assert.equal(0, process:stop())
    end)

    it("is cancelled in a restart policy", function()
      local process = run [[
        return tree(function(self)
          if self.generation == 1 then error "boom" end
          return "keepalive"
        end, { restart = function() spin() end })
      ]]
      process:expect("tree.lua:2: cancelled", 20)
      process:expect("good\t", 20, 2)
      process:stop()
    end)

    it("is cancelled in a callback of luv", function()
      local process = run [[
        return tree(function(self)
          if not self.timer then
            self.timer = uv.new_timer()
            self.timer:start(1, 0, spin)
          end
          return "keepalive"
        end)
      ]]
      process:expect("error luvisor [^\n]*tree.lua:2: cancelled", 20)
      process:expect("good\t", 20, 2)
      process:stop()
    end)
  end)

  describe("in a thread or a process", function()
    for _, executor in ipairs { "thread", "process" } do
      it("is ended there as well: " .. executor, function()
        local process = run(([[
          return tree(function() while true do pcall(spin) end end, { executor = %q })
        ]]):format(executor))
        process:expect("top/bad ended: timeout: heartbeat", 30)
        process:stop()
      end)
    end
  end)
end)
