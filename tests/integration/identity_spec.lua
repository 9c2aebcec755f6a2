-- SPDX-License-Identifier: Apache-2.0
-- Who is who: a recycled pid is a stranger, a status belongs to one process, and the record of a host is whole.

local host = require "host"
local uv = require "luv"

-- Runs in a pid namespace: a process with a mark dies, and its pid goes to one with another mark.
local RECYCLE = [[
local orphans, uv = require "host.orphans", require "luv"

local function start(mark)
  local ended = false
  local options = { args = { "1000" }, env = { "LUVISOR_UNIT=" .. mark, "PATH=" .. os.getenv "PATH" } }
  local handle, pid = uv.spawn("sleep", options, function() ended = true end)
  return pid, handle, function() return ended end
end

local function kill(pid, handle, has_ended)
  uv.kill(pid, "sigkill")
  while not has_ended() do uv.run "once" end
  handle:close()
end

local pid, handle, has_ended = start "top/p/1@1.a"
kill(pid, handle, has_ended)
local file = io.open("/proc/sys/kernel/ns_last_pid", "w")
file:write(tostring(pid - 1))
file:close()
local stranger, other, other_ended = start "top/q/1@1.a"
print("recycled", stranger == pid)
print("signal", select(3, orphans.signal(pid, "top/p/1@1.a", 9)))
print("lives", uv.kill(stranger, 0) == 0)
kill(pid, other, other_ended) -- the control: by its number alone the stranger is hit
print("hit", other_ended())
]]

local STATUS = [[
local luvisor, worker = require "luvisor", require "luvisor.worker"
local Shell = worker.define()
Shell:actor("running", { every = 0.01 }, function(self)
  if self.stopping then return "complete" end
  os.execute "exit 5"
  return "keepalive"
end)
local children = { luvisor.worker { name = "shell", module = Shell } }
for i = 1, 10 do
  children[#children + 1] = luvisor.program { name = "p" .. i, command = { "sh", "-c", "sleep 0.05; exit 3" },
    restart = luvisor.restart.always, backoff = { min = 0.01, max = 0.05 } }
end
return luvisor.supervisor { name = "top", children = children }
]]

local WRITER = [[
local record = require "luvisor.edge.service.record"
local instances = {}
for i = 1, 50 do instances[i] = i .. ".abc" end
record.write(arg[1], instances)
print "begun"
while true do record.write(arg[1], instances) end
]]

describe("a process", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  it("with a recycled pid is a stranger, and is not signalled (3.32)", function()
    if uv.getuid() ~= 0 then return pending "needs root, for a pid namespace" end
    host.write(directory .. "/recycle.lua", RECYCLE)
    local process = host.spawn({ "--pid", "--fork", "--mount-proc", "--kill-child", "--", host.binary, "lua",
      directory .. "/recycle.lua" }, nil, { command = { "unshare" } })
    local code = process:wait(20)
    local said = process:stderr()
    if said:find "Operation not permitted" then return pending "needs the right to make a pid namespace" end
    if said:find "root filesystem propagation" then return pending "needs a root that is a mount" end
    assert.equal(0, code, process:output())
    assert.equal("recycled\ttrue\nsignal\tESRCH\nlives\ttrue\nhit\ttrue\n", process:stdout())
  end)

  it("has its own status, though others wait for theirs meanwhile (3.37)", function()
    host.write(directory .. "/tree.lua", STATUS)
    local process = host.spawn { "run", directory .. "/tree.lua" }
    process:expect("ended: exit 3, restarts", 20, 60)
    assert.equal(0, process:stop())
    assert.equal(0, process:count "ended: exit 5", process:output())
    assert.equal(0, process:count "unknown", process:output())
  end)

  it("that is killed while it writes its record leaves a whole one (3.72)", function()
    local record = require "luvisor.edge.service.record"
    local path = directory .. "/record"
    host.write(directory .. "/writer.lua", WRITER)
    for i = 1, 20 do
      local process = host.spawn { "lua", directory .. "/writer.lua", path }
      process:expect "begun"
      host.stay(i / 1000)
      process:signal "sigkill"
      assert(process:wait(10))
      assert.equal(50, #assert(record.read(path)))
    end
    host.write(path, host.read(path):sub(1, -3)) -- the control: one that is torn is told from a whole one
    assert.is_nil((record.read(path)))
  end)
end)
