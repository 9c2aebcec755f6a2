-- SPDX-License-Identifier: Apache-2.0
-- The sockets of programs: those that the host was given by a service manager, and those that it opens itself.

local host = require "host"
local uv = require "luv"

-- A program that says what it was given, and answers each connection with the name of the socket and its pid.
local SERVER = [[
import os, socket, sys, threading
names = os.environ.get("LISTEN_FDNAMES", "").split(":")
count = int(os.environ.get("LISTEN_FDS", "0"))
mine = os.environ.get("LISTEN_PID") == str(os.getpid())
fds = sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1]
with open(sys.argv[1], "a") as said: said.write("%d %s %s %s\n" % (count, names, mine, fds))
def serve(fd, name):
    s = socket.socket(fileno=fd)
    while s.type == socket.SOCK_DGRAM:
        data, peer = s.recvfrom(100)
        s.sendto(name.encode(), peer)
    while True:
        c, _ = s.accept()
        c.sendall(("%s %d" % (name, os.getpid())).encode())
        c.close()
for i in range(count): threading.Thread(target=serve, args=(3 + i, names[i])).start()
]]

local OWN_SERVER = [[
import os, socket
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", %d))
s.listen(5)
while True:
    c, _ = s.accept()
    c.sendall(str(os.getpid()).encode())
    c.close()
]]

local directory

local function run(text, env)
  host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\n' .. text)
  host.write(directory .. "/server.py", SERVER)
  return host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
end

-- What a server at a port or path answers; nil and the reason when there is none.
local function ask(target)
  local answer, failure = "", nil
  local client = type(target) == "number" and uv.new_tcp() or uv.new_pipe(false)
  local function on_connected(err)
    failure = err
    if err then return client:close() end
    client:read_start(function(problem, chunk)
      if problem or not chunk then return client:close() end
      answer = answer .. chunk
    end)
  end
  if type(target) == "number" then
    client:connect("127.0.0.1", target, on_connected)
  else
    client:connect(target, on_connected)
  end
  host.wait_until(function() return client:is_closing() end, 15)
  return failure == nil and answer or nil, failure
end

local function kill(answer)
  uv.kill(tonumber(answer:match "%d+$"), "sigkill")
end

local function begin()
  directory = host.directory()
end

describe("socket activation", function()
  before_each(begin)
  after_each(host.clean_up)

  it("passes on what the host was given, by name, over a restart, and loses no client meanwhile", function()
    local port = host.free_port()
    host.write(directory .. "/server.py", SERVER)
    host.write(directory .. "/tree.lua", [[local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = { luvisor.program { name = "server",
        command = "python3 server.py said", sockets = { web = "inherited" }, backoff = { min = 1 } } } }]])
    -- what systemd does: the descriptor, and the pid of who is meant
    local process = host.spawn({ "-c", ([[
import os, socket, sys
s = socket.socket()
s.bind(("127.0.0.1", %d))
s.listen(5)
os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_FDNAMES="web", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], [sys.argv[1], "run", "tree.lua"])]]):format(port), host.binary }, nil,
      { cwd = directory, command = { "python3" } })
    process:expect "top starting %-> running"
    local first = ask(port)
    assert.truthy(first and first:find "^web %d+$", process:output())
    assert.equal("1 ['web'] True [0, 1, 2, 3]\n", host.read(directory .. "/said"))
    kill(first)
    process:expect "restarts in"
    local second = ask(port) -- answered by the next one, a second later
    assert.truthy(second and second:find "^web %d+$", process:output())
    assert.are_not.equal(first, second)
  end)

  it("refuses what the host was not given", function()
    local process = run [[return luvisor.supervisor { name = "top", children = { luvisor.program { name = "p",
      command = "sleep 1000", sockets = { web = "inherited" }, restart = luvisor.restart.retries(0) } } }]]
    process:expect "FATAL: sockets.web: ENOENT: the service manager has passed no socket of that name"
  end)
end)

describe("the sockets of a tree", function()
  before_each(begin)
  after_each(host.clean_up)

  local function serve(sockets, more)
    return run(([[return luvisor.supervisor { name = "top", children = { luvisor.program { name = "server",
      command = "python3 server.py said", sockets = { %s } %s } } }]]):format(sockets, more or ""))
  end

  it("are open before the program is, stay open while it is restarted, and go with the host", function()
    local port = host.free_port()
    local path = directory .. "/app.sock"
    local process = serve(('b = { tcp = "127.0.0.1:%d" }, a = { unix = %q, mode = "0600" }'):format(port, path),
      ", backoff = { min = 1 }")
    process:expect "top starting %-> running"
    local first = ask(port)
    assert.truthy(first and first:find "^b %d+$", process:output())
    assert.truthy((ask(path) or ""):find "^a %d+$")
    assert.equal("2 ['a', 'b'] True [0, 1, 2, 3, 4]\n", host.read(directory .. "/said"))
    assert.equal(tonumber("600", 8), uv.fs_stat(path).mode & 511)
    kill(first)
    process:expect "restarts in"
    local second = ask(port)
    assert.truthy(second and second:find "^b %d+$", process:output())
    assert.are_not.equal(first, second)
    assert.equal(0, process:stop())
    assert.is_nil(uv.fs_stat(path))
    assert.is_nil((ask(port)))
  end)

  it("would lose that client if the program opened them itself", function()
    local port = host.free_port()
    host.write(directory .. "/own.py", OWN_SERVER:format(port))
    local process = run(([[return luvisor.supervisor { name = "top", children = { luvisor.program { name = "server",
      command = "python3 own.py", ready = { tcp = %d }, backoff = { min = 25 } } } }]]):format(port))
    process:expect "top starting %-> running"
    kill((ask(port)))
    process:expect "restarts in"
    local _, failure = ask(port)
    assert.equal("ECONNREFUSED", failure)
  end)

  it("take the place of what a dead host has left, and of nobody alive", function()
    local path = directory .. "/app.sock"
    local process = serve(("a = { unix = %q }"):format(path))
    process:expect "top starting %-> running"
    process:signal "sigkill"
    process:wait(10)
    assert.truthy(uv.fs_stat(path))
    process = serve(("a = { unix = %q }"):format(path))
    process:expect "top starting %-> running"
    assert.truthy((ask(path) or ""):find "^a %d+$")
    local rival = serve(("a = { unix = %q }"):format(path), ", restart = luvisor.restart.retries(0)")
    rival:expect("FATAL: sockets.a: unix .-: EADDRINUSE: address already in use")
    assert.truthy((ask(path) or ""):find "^a %d+$")
  end)

  it("are handed to all who name the same address; datagrams too", function()
    local port = host.free_port()
    local process = run(([[
      local function server(name) return luvisor.program { name = name, command = "python3 server.py said-" .. name,
        sockets = { x = { udp = "127.0.0.1:%d" } } } end
      return luvisor.supervisor { name = "top", children = { server "one", server "two" } }]]):format(port))
    process:expect "top starting %-> running"
    assert(host.wait_until(function()
      return host.read(directory .. "/said-one") and host.read(directory .. "/said-two")
    end, 10))
    local answer
    local client = uv.new_udp()
    client:bind("127.0.0.1", 0)
    client:recv_start(function(_, data) answer = data or answer end)
    client:send("hello", "127.0.0.1", port, function() end)
    assert(host.wait_until(function() return answer end, 10))
    client:close()
    assert.equal("x", answer)
    assert.equal(0, process:count "ended", process:output())
  end)
end)
