-- SPDX-License-Identifier: Apache-2.0
-- The host as PID 1 of a pid namespace of its own, as in a container (3.33). Needs the right to make one.

local host = require "host"

local HELPERS = os.getenv "LUVISOR_HELPERS" or host.root .. "/build/release/helpers"
local UNSHARE = { "--pid", "--fork", "--mount-proc", "--kill-child", "--" }

local function may_unshare()
  local process = host.spawn({ "--pid", "--fork", "--mount-proc", "true" }, nil, { command = { "unshare" } })
  return process:wait(10) == 0
end

-- Says how many zombies there are, once those who were left to PID 1 are reaped or have had the time for that.
local COUNT = [[
import os, subprocess, sys, time
subprocess.run([sys.argv[1], "1000"])
def zombies():
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: count += open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError: pass
    return count
over = time.monotonic() + float(sys.argv[2])
while zombies() > 0 and time.monotonic() < over: time.sleep(0.05)
print("zombies: %d" % zombies(), flush=True)
]]

local able = may_unshare()
local maybe = able and it or function(name) pending(name .. ": needs the right to make a pid namespace") end

describe("as PID 1", function()
  local directory

  before_each(function()
    directory = host.directory()
    host.write(directory .. "/count.py", COUNT)
  end)
  after_each(host.clean_up)

  local function unshare(...)
    local words = table.move(UNSHARE, 1, #UNSHARE, 1, {})
    for _, word in ipairs { ... } do words[#words + 1] = word end
    return host.spawn(words, nil, { cwd = directory, command = { "unshare" } })
  end

  maybe("it does not go into the background", function()
    local process = unshare(host.binary, "run", "--daemon", "tree.lua")
    assert.equal(2, (process:wait(10)))
    assert.equal("luvisor: PID 1 stays in the foreground\n", process:stderr())
  end)

  local function run(children, first)
    host.write(directory .. "/tree.lua", ([[%s
      local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = { %s } }]]):format(first or "", children))
    return unshare(host.binary, "run", "tree.lua")
  end

  maybe("reaps a thousand orphans", function()
    local process = run(([[luvisor.program { name = "crowd", command = { "python3", "count.py", %q, "60" },
      stdout = { prefix = true }, restart = "temporary" }]]):format(HELPERS .. "/orphans"))
    assert.equal("0", process:expect("zombies: (%d+)", 60))
    assert.equal(0, process:wait(10))
  end)

  maybe("would be left with them if it did not", function()
    local lazy = "import subprocess, sys; subprocess.Popen(sys.argv[1:]); import time; time.sleep(1000)"
    local process = unshare("python3", "-c", lazy, "python3", directory .. "/count.py", HELPERS .. "/orphans", "0.5")
    assert.is_true(tonumber(process:expect("zombies: (%d+)", 20)) > 900)
  end)

  maybe("stops its tree on TERM, which would not reach a program that does not care", function()
    local process = run [[luvisor.program { name = "p", command = "sleep 1000" },
      luvisor.program { name = "stop", command = { "kill", "-TERM", "1" }, after = { p = "ready" } }]]
    assert.equal(0, process:wait(20))
    process:expect "SIGTERM: stopping"
    process:expect "top/p stopped: shutdown"
    local deaf = unshare("sh", "-c", "kill -TERM $$; echo alive; exit 5")
    deaf:expect "alive"
    assert.equal(5, deaf:wait(10))
  end)

  maybe("does not lose a TERM that comes while it loads its script", function()
    local process = run([[luvisor.program { name = "p", command = "sleep 1000" }]], [[os.execute "kill -TERM 1"]])
    assert.equal(0, process:wait(20))
    process:expect "SIGTERM: stopping"
  end)

  maybe("leaves nobody behind and exits with the code of its tree", function()
    local process = run [[luvisor.program { name = "p", command = { "sh", "-c", "exit 3" }, critical = true,
      ready = { after = 0.1 }, restart = luvisor.restart.retries(0) }]]
    assert.equal(1, process:wait(20))
    process:expect "critical unit top/p is FATAL: exit 3"
  end)

  maybe("runs the example", function()
    local process = unshare(host.binary, "run", host.root .. "/examples/init.lua")
    process:expect("main | I am done\n", 20)
    assert.equal(0, process:wait(20))
  end)
end)
