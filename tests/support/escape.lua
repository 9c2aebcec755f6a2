-- SPDX-License-Identifier: Apache-2.0
-- A program that leaves somebody behind in a session of its own, and trees that run it in a directory of the test.
--
-- The programs are silent: one that writes into the pipe of a dead host would die of that, and prove nothing.

local host = require "host"
local uv = require "luv"

local escape = {}

-- Leaves one behind that has a session of its own and ignores SIGTERM if it is to be stubborn, and whose pid is in the
-- name of a file; then waits, or ends with 7 when there is a file "end". Both end with the directory of the test.
local ESCAPE = [[
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
if os.fork() == 0:
    os.setsid()
    if os.fork() > 0: os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "stubborn" else signal.SIG_DFL)
    with open("escaped.%d" % os.getpid(), "w") as f: f.write("x")
    while os.path.exists("escape.py"): time.sleep(0.1)
    os._exit(0)
os.wait()
while os.path.exists("escape.py") and not os.path.exists("end"): time.sleep(0.01)
os._exit(7)
]]

---@return integer[] pids
function escape.escaped()
  local pids = {}
  local scan = uv.fs_scandir(escape.directory)
  for name in uv.fs_scandir_next, scan do
    local pid = tonumber(name:match "^escaped%.(%d+)$")
    if pid and host.is_alive(pid) then pids[#pids + 1] = pid end
  end
  return pids
end

function escape.begin()
  escape.directory = host.directory()
  host.write(escape.directory .. "/escape.py", ESCAPE)
end

function escape.finish()
  for _, pid in ipairs(escape.escaped()) do uv.kill(pid, "sigkill") end
  host.clean_up()
end

--- Runs a tree of these children, as a host of a name ("default").
function escape.run(children, name)
  host.write(escape.directory .. "/tree.lua", ([[local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", children = { %s } }]]):format(children))
  local words = { "run", "--name=" .. (name or "default"), "tree.lua" }
  return host.spawn(words, { XDG_RUNTIME_DIR = escape.directory }, { cwd = escape.directory })
end

--- Waits for so many (1); the pid of the first.
function escape.wait(count)
  assert(host.wait_until(function() return #escape.escaped() == (count or 1) end, 15), "nobody has escaped")
  return escape.escaped()[1]
end

return escape
