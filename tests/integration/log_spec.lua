-- SPDX-License-Identifier: Apache-2.0
-- Where logs go, from outside: the host's own into a file, output to a syslog, compressed and aged files.

local host = require "host"
local uv = require "luv"

-- Takes the datagrams of a socket into a file, one a line.
local RECEIVER = [[
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
with open(sys.argv[2], "wb", 0) as out:
    while True: out.write(s.recv(65536) + b"\n")
]]

describe("logs", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function run(children, ...)
    host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\nlocal program = luvisor.program\n'
      .. 'return luvisor.supervisor { name = "root", children = {\n' .. children .. "\n} }\n")
    return host.spawn({ "run", "tree.lua", ... }, nil, { cwd = directory })
  end

  local function read(name) return host.read(directory .. "/" .. name) end

  it("of the host go into a file, through rotation, and nowhere else", function()
    local tree = run([[program { name = "p", command = "false", backoff = { min = 0, max = 0 },
        restart = luvisor.restart.first(luvisor.restart.retries(100)) }]], "--log-file", "host.log",
      "--log-size", "4096", "--log-keep", "3")
    assert.truthy(host.wait_until(function() return read "host.log.2" end, 20))
    assert.equal(0, tree:stop())
    assert.equal("", tree:stderr())
    for _, name in ipairs { "host.log", "host.log.1", "host.log.2" } do
      assert.is_true(#read(name) <= 4096)
      for line in read(name):gmatch "([^\n]*)\n" do assert.truthy(line:find "^%d%d%d%d%-%d%d%-%d%dT") end
    end
    assert.truthy((read "host.log"):find "the tree ended: shutdown\n$")
    assert.is_nil(read "host.log.4")
  end)

  it("are opened again on USR1, and one that cannot be opened ends the host", function()
    local tree = run([[program { name = "p", command = "sleep 100", ready = { after = 0 } }]], "--log-file", "host.log")
    assert.truthy(host.wait_until(function() return (read "host.log" or ""):find "RUNNING" end, 10))
    assert(os.rename(directory .. "/host.log", directory .. "/moved"))
    tree:signal "sigusr1"
    local function both() return read "moved" .. (read "host.log" or "") end -- the line may be the last of the old one
    assert.truthy(host.wait_until(function() return both():find "reopening 1 log files" end, 10))
    assert.truthy(host.wait_until(function() return read "host.log" end, 10))
    assert.equal(0, tree:stop())
    assert.truthy((read "host.log"):find "the tree ended")
    local code, _, err = host.run { "run", directory .. "/tree.lua", "--log-file", directory .. "/none/log" }
    assert.equal(1, code)
    assert.truthy(err:find("--log-file: open: No such file or directory: " .. directory .. "/none/log", 1, true))
  end)

  it("go to a syslog, line by line, also when that is started again", function()
    host.write(directory .. "/receiver.py", RECEIVER)
    local function receive(name)
      os.remove(directory .. "/dev-log")
      local one = host.spawn({ "receiver.py", "dev-log", name }, nil, { cwd = directory, command = { "python3" } })
      one:expect "bound"
      return one
    end
    local first = receive "one"
    local tree = run [[program { name = "web", ready = { after = 0 },
      command = "echo up; while :; do if [ -f go ]; then echo on; fi; sleep 0.05; done", shell = true,
      stdout = { syslog = { path = "dev-log", facility = "local0", level = "notice" } } }]]
    local pattern = "^<133>%u%l%l [ %d]%d [%d:]+ web: up\n"
    assert.truthy(host.wait_until(function() return (read "one" or ""):find(pattern) end, 10))
    first:signal "sigkill"
    first:wait()
    receive "two"
    host.write(directory .. "/go", "")
    assert.truthy(host.wait_until(function() return (read "two" or ""):find "web: on\n" end, 20))
    assert.equal(0, tree:stop())
  end)

  it("are dropped, which is said, where there is no syslog", function()
    local tree = run [[program { name = "web", command = "echo one; sleep 100", shell = true, ready = { after = 0 },
      stdout = { syslog = { path = "none" } } }]]
    tree:expect "error luvisor syslog none web/30: No such file or directory, lines are dropped"
    assert.equal(0, tree:stop())
  end)

  it("are compressed when they were rotated, and nothing of them is lost", function()
    local tree = run [[program { name = "p", command = "seq 200000", restart = "temporary",
      stdout = { file = "log", max_size = "128KB", keep = 20, gzip = true } },
      program { name = "q", command = "sleep 100", ready = { after = 0 } }]]
    tree:expect "root/p ended: exit 0"
    local function is_done()
      local left = (read "log" or ""):sub(-7) == "200000\n" and 0 or 1
      for i = 1, 20 do left = left + (uv.fs_stat(("%s/log.%d"):format(directory, i)) and 1 or 0) end
      return left == 0 and uv.fs_stat(directory .. "/log.3.gz") and not uv.fs_stat(directory .. "/log.gz.part")
    end
    assert.truthy(host.wait_until(is_done, 30))
    assert.equal(0, tree:stop())
    local names = {}
    for i = 20, 1, -1 do
      local name = ("log.%d.gz"):format(i)
      if uv.fs_stat(directory .. "/" .. name) then names[#names + 1] = name end
    end
    local shell = assert(io.popen(("cd %s && { gzip -dc %s; cat log; } | cksum; seq 200000 | cksum")
      :format(directory, table.concat(names, " "))))
    local one, two = shell:read "l", shell:read "l"
    shell:close()
    assert.equal(two, one)
  end)

  it("that are too old make way at the next line", function()
    local tree = run [[program { name = "p", command = "while :; do echo x; sleep 0.05; done", shell = true,
      ready = { after = 0 }, stdout = { file = "log", max_age = 0.5, keep = 3 } }]]
    assert.truthy(host.wait_until(function() return uv.fs_stat(directory .. "/log.2") end, 20))
    assert.equal(0, tree:stop())
    assert.is_true(#read "log.1" >= 2)
  end)

  it("that cannot be opened are a failed start, which names the file", function()
    local tree = run [[program { name = "p", command = "true", stdout = { file = "none/log" }, restart = "temporary" },
      program { name = "q", command = "true", stdout = { file = "." }, restart = "temporary" }]]
    tree:expect "root/p ended: open: No such file or directory: none/log"
    tree:expect "root/q ended: open: Is a directory: %."
    assert.equal(0, tree:stop())
  end)

  it("of two units are not one file under two names", function()
    host.write(directory .. "/log", "")
    assert(uv.fs_link(directory .. "/log", directory .. "/other"))
    local tree = run [[program { name = "p", command = "true", stdout = { file = "log" } },
      program { name = "q", command = "true", stdout = { file = "other" } }]]
    assert.equal(2, (tree:wait()))
    assert.truthy(tree:stderr():find('program "q": key "stdout.file": program "p" writes to other too', 1, true))
    tree = run(([[program { name = "p", command = "true", stdout = { file = "log", shared = true } },
      program { name = "q", command = "true", stdout = { file = "%s/log", shared = true } }]]):format(directory))
    assert.equal(2, (tree:wait()))
    assert.truthy(tree:stderr():find('is shared with program "p", which calls it log; one file needs', 1, true))
  end)
end)
