-- SPDX-License-Identifier: Apache-2.0
-- Hooks, stop commands, reload and rolling restarts from outside: real programs and the binary.

local host = require "host"

-- A worker that does what the file "do" says, once.
local DOER = [[
local worker = require "luvisor.worker"
local Doer = worker.define()
Doer:actor("running", { every = 0.05 }, function(self)
  if self.stopping then return "complete" end
  local file = io.open("do")
  if not file then return "keepalive" end
  local text = file:read "a"
  file:close()
  os.remove("do")
  self.log:info("answer: %s", table.concat(table.pack(tostring((load(text)(self)))), " "))
  return "keepalive"
end)
return Doer
]]

describe("a program", function()
  local directory

  before_each(function()
    directory = host.directory()
    host.write(directory .. "/doer.lua", DOER)
  end)

  after_each(host.clean_up)

  local function run(children)
    host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\nlocal program = luvisor.program\n'
      .. "local function say(text) return function(self, event) self.log:info(text .. ' ' .. event.path) end end\n"
      .. 'return luvisor.supervisor { name = "root", children = {\n' .. children
      .. '\nluvisor.worker { name = "doer", module = "doer" } } }\n')
    return host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
  end

  local function tell(text)
    host.write(directory .. "/do.new", text)
    assert(os.rename(directory .. "/do.new", directory .. "/do"))
  end

  it("has its hooks called, each in its place, which may take their time", function()
    local tree = run [[
      program { name = "web", command = "sleep 100", ready = { after = 0 },
        before = { start = function(self) self:sleep(0.1); self.log:info "one" end, stop = say "three" },
        after = { start = say "two", stop = say "four", fail = say "never" } },
    ]]
    tree:expect "two root/web"
    assert.equal(0, tree:stop())
    local text, at = tree:output(), 1
    for _, word in ipairs { "one", "RUNNING", "two", "three", "stopped" } do
      at = assert(text:find(word, at, true), word .. ":\n" .. text)
    end
    assert.truthy(text:find("three.*four.*stopped: shutdown"))
    assert.equal(0, tree:count "never")
  end)

  it("whose hook fails, or hangs, has failed to start; the next program does not care", function()
    local tree = run [[
      program { name = "web", command = "sleep 100", backoff = { min = 0.05, max = 0.1 },
        before = { start = function() return nil, "no disk" end }, after = { fail = say "failed" } },
      program { name = "slow", command = "sleep 100", restart = luvisor.restart.never,
        before = { start = { fn = function(self) self:sleep(100) end, timeout = 0.2 } } },
    ]]
    tree:expect("root/web ended: error: before start: no disk, restarts in", 10, 2)
    tree:expect "failed root/web"
    tree:expect "root/web FATAL"
    tree:expect "root/slow ended: error: before start: no answer within 200 ms"
    assert.equal(0, tree:count "STARTING %(pid")
    assert.equal(0, tree:stop())
  end)

  it("is stopped by its command, with its pid; by the signal where that fails or hangs", function()
    local tree = run [[
      program { name = "one", shell = true, stdout = { prefix = true }, ready = { line = "up" },
        command = "trap 'exit 0' USR1; trap '' TERM; echo up; while :; do sleep 0.05; done",
        stop = { timeout = 20, command = { "/bin/sh", "-c", "kill -USR1 $MAINPID" } } },
      program { name = "two", command = "sleep 100", ready = { after = 0 }, stop = { command = "false" } },
      program { name = "three", command = "sleep 100", ready = { after = 0 },
        stop = { timeout = 1, command = "sleep 1000.25" } },
    ]]
    for _, name in ipairs { "one", "two", "three" } do tree:expect("root/" .. name .. " STARTING %-> RUNNING") end
    assert.equal(0, tree:stop())
    assert.truthy(tree:output():find("stop command: exec false: exit 1", 1, true))
    assert.truthy(tree:output():find("stop command: exec sleep: no answer within 500 ms", 1, true))
    for _, name in ipairs { "one", "two", "three" } do
      assert.truthy(tree:output():find("root/" .. name .. " stopped: shutdown", 1, true))
    end
  end)

  it("reads its configuration again when it is told to", function()
    local tree = run [[
      program { name = "web", shell = true, stdout = { prefix = true }, ready = { line = "up" },
        command = "trap 'echo hup' HUP; echo up; while :; do sleep 0.05; done", reload = { signal = "HUP" } },
      program { name = "other", command = "sleep 100", ready = { after = 0 }, reload = { command = "false" } },
    ]]
    tree:expect "root/web STARTING %-> RUNNING"
    tell 'return luvisor == nil and require "luvisor".find "web":reload(10)'
    tree:expect "root/web reload: SIGHUP"
    tree:expect "answer: true"
    tree:expect "web | hup\n"
    tell 'local ok, message = require "luvisor".find "other":reload(10) return message'
    tree:expect "answer: exec false: exit 1"
    assert.equal(0, tree:stop())
  end)

  it("of several is restarted one by one, each ready before the next", function()
    local tree = run [[
      program { name = "web", count = 3, command = "sleep 100", ready = { after = 0.1 } },
    ]]
    tree:expect("web:%d STARTING %-> RUNNING", 10, 3)
    tell 'return require "luvisor".find "root":rolling_restart "web"'
    tree:expect "answer: 3"
    assert.equal(0, tree:stop())
    local order = {}
    for line in tree:output():gmatch "[^\n]+" do
      local name, what = line:match "web:(%d) (%u+ %-> %u+)"
      if what == "RUNNING -> STOPPING" or what == "STARTING -> RUNNING" then
        order[#order + 1] = name .. (what:find "STOPPING$" and "down" or "up")
      end
    end
    assert.equal("0down 0up 1down 1up 2down 2up", table.concat(order, " ", 4, 9))
  end)
end)
