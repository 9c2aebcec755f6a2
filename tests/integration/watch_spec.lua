-- SPDX-License-Identifier: Apache-2.0
-- Readiness and health from outside: real programs, real servers on the loopback, and the binary.

local host = require "host"
local uv = require "luv"

local SERVER = [[
import http.server, socket, sys, time, os
class Server(http.server.HTTPServer):
    address_family = socket.AF_INET6 if sys.argv[1] == "::1" else socket.AF_INET
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        well = os.path.exists("well")
        self.send_response(200 if well else 503)
        self.end_headers()
        self.wfile.write(b"well" if well else b"ill")
    def log_message(self, *args): pass
time.sleep(0.3)
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
]]

local SENDER = [[
import os, socket, sys, time
def say(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
    s.send(text.encode())
]]

describe("a program", function()
  local directory

  before_each(function()
    directory = host.directory()
    host.write(directory .. "/server.py", SERVER)
    host.write(directory .. "/sender.py", SENDER)
  end)

  after_each(host.clean_up)

  local function run(children)
    host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\nlocal program = luvisor.program\n'
      .. 'return luvisor.supervisor { name = "root", children = {\n' .. children .. "\n} }\n")
    return host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
  end

  local function touch(name) host.write(directory .. "/" .. name, "") end

  it("is ready when its port answers, by IPv4, IPv6 and HTTP", function()
    local port, other = host.free_port(), host.free_port()
    local named = uv.getaddrinfo "localhost" and "localhost" or "127.0.0.1" -- which not every chroot knows
    touch "well"
    local tree = run(([[
      program { name = "v4", command = "python3 server.py 127.0.0.1 %d", ready = { tcp = %d } },
      program { name = "v6", command = "python3 server.py ::1 %d", ready = { tcp = { "::1", %d } } },
      program { name = "named", command = "sleep 100", ready = { tcp = { %q, %d } } },
      program { name = "http", command = "sleep 100",
        ready = { http = { url = "http://[::1]:%d/x", body = "^well$" } } },
      program { name = "sick", command = "sleep 100", after = { v6 = "ready" }, start_timeout = 3,
        restart = "temporary",
        ready = { http = { url = "http://[::1]:%d/x", status = 418 } } },
    ]]):format(port, port, other, other, named, port, other, other))
    for _, name in ipairs { "v4", "v6", "named", "http" } do tree:expect("root/" .. name .. " STARTING %-> RUNNING") end
    tree:expect "root/sick ended: timeout: not ready within 3 s: http://%[::1%]:%d+/x: status 200"
    assert.equal(0, tree:count "sick STARTING %-> RUNNING")
    assert.equal(0, tree:stop())
  end)

  it("is ready by descriptor, line, command or function", function()
    local tree = run [[
      program { name = "fd", command = { "sh", "-c", "sleep 0.2; echo >&3; exec sleep 100" }, ready = { fd = 3 } },
      program { name = "line", command = { "sh", "-c", "echo not up; echo up 1 >&2; exec sleep 100" },
        stdout = { prefix = true }, stderr = { prefix = true }, ready = { line = "^up %d" } },
      program { name = "filed", command = { "sh", "-c", "echo up 1; exec sleep 100" },
        stdout = { file = "filed.log" }, ready = { line = "^up %d$" } },
      program { name = "heard", command = { "sh", "-c", "echo up 1; exec sleep 100" },
        stdout = function() end, ready = { line = "^up %d$" } },
      program { name = "exec", command = { "sh", "-c", "sleep 0.2; echo x > made; exec sleep 100" },
        ready = { exec = "test -e made" } },
      program { name = "fn", command = "sleep 100", ready = function(self)
        self:sleep(0.2)
        if not tried then tried = true; error "not yet" end
        return true
      end },
      program { name = "never", command = "sleep 100", ready = { fd = 3 }, start_timeout = 1, restart = "temporary" },
    ]]
    for _, name in ipairs { "fd", "line", "filed", "heard", "exec", "fn" } do
      tree:expect("root/" .. name .. " STARTING %-> RUNNING")
    end
    tree:expect "root/never ended: timeout: start 1 s"
    assert.equal(0, tree:stop())
  end)

  it("is ready when it says so, and nobody may say so for it", function()
    local tree = run [[
      program { name = "victim", command = { "sh", "-c", "echo $NOTIFY_SOCKET > socket; exec sleep 100" },
        ready = { notify = true } },
      program { name = "liar", command = { "python3", "-c", "import time, os\nwhile not os.path.exists('socket'):"
        .. " time.sleep(0.05)\nos.environ['NOTIFY_SOCKET'] = open('socket').read().strip()\nfrom sender import say\n"
        .. "say('READY=1')\ntime.sleep(100)" } },
      program { name = "honest", ready = { notify = true },
        command = { "python3", "-c", "from sender import *\nsay('READY=1\\nSTATUS=here')\ntime.sleep(100)" } },
      program { name = "plain", command = { "sh", "-c", "echo socket=$NOTIFY_SOCKET; exec sleep 100" },
        stdout = { prefix = true } },
    ]]
    tree:expect "plain | socket=\n"
    tree:expect "root/honest status: here"
    tree:expect "root/honest STARTING %-> RUNNING"
    tree:expect "a notification of pid %d+ was dropped"
    assert.equal(0, tree:count "victim STARTING %-> RUNNING")
    assert.equal(0, tree:stop())
  end)

  it("is restarted when its checks fail, paced, and given up when none ever passes", function()
    local port = host.free_port()
    touch "well"
    local tree = run(([[
      program { name = "web", command = "python3 server.py 127.0.0.1 %d", ready = { tcp = %d },
        health = { http = "http://127.0.0.1:%d/", every = 0.2, grace = 0, retries = 2, timeout = 2 } },
      program { name = "hopeless", command = "sleep 100", ready = { after = 0 }, backoff = { min = 0.1, max = 0.2 },
        health = { exec = "false", every = 0.1, grace = 0, retries = 2 } },
    ]]):format(port, port, port))
    tree:expect "root/web STARTING %-> RUNNING"
    tree:expect "root/hopeless FATAL: timeout: health check failed 2 times, last: exec false: exit 1"
    assert.equal(4, tree:count "root/hopeless STARTING %-> RUNNING")
    assert.equal(0, tree:count "root/web RUNNING %-> UNHEALTHY") -- the control: who is well is left alone
    os.remove(directory .. "/well")
    tree:expect "root/web RUNNING %-> UNHEALTHY .-status 503"
    tree:expect("root/web STARTING %-> RUNNING", 10, 2)
    assert.equal(0, tree:stop())
  end)

  it("has a check that hangs killed with its whole group", function()
    local hang = ("sleep 4711.%d"):format(uv.os_getpid()) -- of nobody else's test
    local tree = run(([[
      program { name = "p", command = "sleep 100", ready = { after = 0 }, restart = "temporary",
        health = { exec = { "sh", "-c", "%s & %s" }, grace = 0, timeout = 0.5, retries = 1 } },
    ]]):format(hang, hang))
    tree:expect "no answer within 500 ms"
    local function survivors()
      local out = io.popen(("pgrep -fc '^%s'"):format(hang)):read "a"
      return tonumber(out) == 0
    end
    assert.is_true(host.wait_until(survivors, 5))
    assert.equal(0, tree:stop())
  end)

  it("is aborted by its watchdog when it is silent, and not while it speaks", function()
    local tree = run [[
      program { name = "alive", ready = { notify = true }, watchdog = 1, command = { "python3", "-c",
        "from sender import *\nassert os.environ['WATCHDOG_USEC'] == '1000000'\nsay('READY=1')\n"
        .. "while True:\n say('WATCHDOG=1')\n time.sleep(0.2)" } },
      program { name = "silent", ready = { notify = true }, watchdog = 1, restart = "temporary", command = { "python3",
        "-c", "from sender import *\nsay('READY=1')\ntime.sleep(100)" } },
    ]]
    tree:expect "root/silent ended: timeout: watchdog 1 s"
    host.stay(1.5)
    assert.equal(0, tree:count "root/alive RUNNING %-> STOPPING")
    assert.equal(0, tree:stop())
  end)

  it("is ended when its group holds too much, or it is old", function()
    local tree = run [[
      program { name = "old", command = "sleep 100", ready = { after = 0 }, max_age = 1, restart = "temporary" },
      program { name = "fat", command = { "sh", "-c", "python3 -c 'import time; x = b\"x\" * (64 << 20);"
        .. "time.sleep(100)' & wait" }, ready = { after = 0 }, max_memory = "32MB", restart = "temporary" },
      program { name = "slim", command = "sleep 100", ready = { after = 0 }, max_memory = "32MB" },
    ]]
    tree:expect "root/old ended: timeout: age 1 s"
    tree:expect("root/fat ended: memory: holds %d+%.%d MB of at most 32.0 MB", 15)
    assert.equal(0, tree:count "root/slim RUNNING %-> STOPPING")
    assert.equal(0, tree:stop())
  end)
end)
