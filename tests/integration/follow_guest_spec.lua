-- SPDX-License-Identifier: Apache-2.0
-- A subtree with a runtime of its own that is told of reloads: how long it is waited for, in which order it follows.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

describe("a subtree that is to follow a reload", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local TREE = [[
    local luvisor = require "luvisor"
    luvisor.defaults { load_timeout = 4, change_timeout = 1 }
    BUSY
    return luvisor.supervisor { name = "top", children = {
      luvisor.supervisor { name = "s", executor = "process", intensity = { restarts = NUMBER }, children = {
        luvisor.program { name = "p", ready = { after = 0 }, KEYS } } } } }]]

  local DEFAULTS = { BUSY = "", KEYS = 'command = "sleep 600"' }

  -- Longer than the limit.
  local SLOW = [[command = { "sh", "-c", "trap 'sleep 7; exit 0' TERM; sleep 600 & wait" }, stop = { timeout = 60 }]]

  local BUSY = [[
    if os.getenv "LUVISOR_UNIT" then
      local ends = os.clock() + 0.7
      repeat until os.clock() > ends -- while it loads it, there
    end]]

  local function write(keys)
    host.write(directory .. "/tree.lua", (TREE:gsub("%u%u%u%u+", function(word)
      return keys[word] or DEFAULTS[word]
    end)))
  end

  local function start(keys)
    write(keys)
    process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    process:expect("top starting %-> running", 30)
    process:expect("top/s/p STARTING %-> RUNNING", 30)
  end

  local function subtree()
    local _, out = process:client({ "status", "--json" }, 30)
    for _, unit in ipairs(json.decode(out).units) do
      if unit.path == "top/s" then return unit end
    end
  end

  it("is started anew where it does not answer, and why says so", function()
    start { NUMBER = "3" }
    local before = subtree()
    uv.kill(before.pid, "sigstop")
    write { NUMBER = "4" }
    local code, _, err = process:client({ "reload" }, 30)
    local message = "its runtime does not answer a change within 5 s"
    assert.equal(1, code)
    assert.truthy(err:find("top/s: " .. message .. "; it is started anew", 1, true), err)
    assert(host.wait_until(function()
      local now = subtree()
      return now.state == "running" and now.pid ~= before.pid
    end, 30))
    local _, out = process:client({ "why", "top/s" }, 30)
    assert.truthy(out:find(message, 1, true), out)
    _, out = process:client({ "reload" }, 30)
    assert.equal("nothing has changed\n", out)
    assert.equal(0, process:stop())
  end)

  it("is waited for as long as what it stops may take: the control arm", function()
    start { NUMBER = "3", KEYS = SLOW }
    local before = subtree()
    write { NUMBER = "3" }
    local code, out, err = process:client({ "reload" }, 30)
    assert.equal(0, code, err)
    assert.equal("! top/s/p  restart (command, shutdown changed)\n", out)
    assert.equal(before.pid, subtree().pid)
    assert.equal(1, subtree().generation)
    assert.equal(0, process:stop())
  end)

  it("follows them in their order, also while it is still at the one before", function()
    start { NUMBER = "3" }
    local clients = {}
    for number = 4, 6 do
      write { NUMBER = tostring(number), BUSY = BUSY }
      clients[#clients + 1] = host.spawn({ "reload", "--socket", process:socket() })
      process:expect("reload: ~ top/s  changed in place", 20)
    end
    for _, client in ipairs(clients) do assert.equal(0, client:wait(30), client:output()) end
    local _, out = process:client({ "reload" }, 30)
    assert.equal("nothing has changed\n", out)
    assert.equal(1, subtree().generation)
    assert.equal(0, process:stop())
  end)
end)
