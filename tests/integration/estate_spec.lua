-- SPDX-License-Identifier: Apache-2.0
-- What is left of a runtime in a process that was killed, or of a host with units in other runtimes: nobody.

local escape = require "escape"
local host = require "host"
local uv = require "luv"

describe("a supervisor in a runtime of its own", function()
  before_each(escape.begin)
  after_each(escape.finish)

  local function subtree(executor, before, orphans)
    return ([[luvisor.supervisor { name = "sub", executor = %q, children = {
      luvisor.program { name = "p", command = "%s python3 escape.py meek", stdout = "null", stderr = "null",
        orphans = %q, ready = { after = 0 } },
    } }]]):format(executor, before or "", orphans or "kill")
  end

  --- Kills the process of the supervisor when somebody has escaped: his pid.
  local function kill_guest(process)
    process:expect("top starting %-> running", 60)
    local pid = escape.wait()
    process:signal "sigquit"
    uv.kill(tonumber(process:expect "  sub [^\n]*pid (%d+)"), "sigkill")
    process:expect "top/sub ended: signal 9 %(SIGKILL%), restarts"
    return pid
  end

  it("whose process is killed has nobody of its programs outlive it", function()
    local process = escape.run(subtree "process")
    assert.is_false(host.is_alive(kill_guest(process)))
    process:expect("top/sub/p STOPPED %-> STARTING", 20, 2)
    escape.wait()
    assert.equal(0, process:stop())
    assert.equal(0, #escape.escaped())
  end)

  it("has whoever carries no mark outlive it", function()
    local process = escape.run(subtree("process", "env -u LUVISOR_UNIT"))
    assert.is_true(host.is_alive(kill_guest(process)))
    process:stop()
  end)

  -- A guest whose host is gone ends what it runs, if it gets to it.
  local function kill_both(process, executor)
    process:signal "sigquit"
    local guest = executor == "process" and process:expect "  sub [^\n]*pid (%d+)"
    process:signal "sigstop"
    if guest then uv.kill(tonumber(guest), "sigkill") end
    process:signal "sigkill"
    process:wait(10)
  end

  for _, executor in ipairs { "thread", "process" } do
    it("leaves nobody behind for the next host to start beside, executor = " .. executor, function()
      local first = escape.run(subtree(executor, nil, "adopt")) -- which nobody does there
      first:expect("top starting %-> running", 60)
      local pid = escape.wait()
      kill_both(first, executor)
      assert.is_true(host.is_alive(pid))
      local second = escape.run(subtree(executor))
      second:expect("an earlier host has left behind [^\n]*" .. pid .. " %(top/sub/p%)[^\n]*: ending them", 20)
      second:expect("top/sub/p STOPPED %-> STARTING", 20)
      assert.is_false(host.is_alive(pid))
      assert.equal(0, second:stop())
    end)
  end
end)
