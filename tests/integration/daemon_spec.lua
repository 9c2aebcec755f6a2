-- SPDX-License-Identifier: Apache-2.0
-- luvisor run --daemon from outside: when it returns and with what, what is left of its caller, and that there is one
-- host of a name (3.52 to 3.54, 3.70).

local host = require "host"
local native = require "host.daemon"
local uv = require "luv"

local SERVICE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "service", command = "sleep 1000", ready = { after = 0.5 } },
} }
]]

describe("luvisor run --daemon", function()
  local directory
  local pids = {}

  before_each(function() directory = host.directory() end)

  local function read(name) return host.read(directory .. "/" .. name) or "" end

  -- One that nobody has reaped yet is dead.
  local function pid_of(name)
    local pid = tonumber(read(name .. ".pid"))
    if pid then pids[pid] = true end
    return pid
  end

  local function stop(pid)
    uv.kill(pid, "sigterm")
    assert(host.wait_until(function() return not host.is_alive(pid) end, 15))
    pids[pid] = nil
  end

  after_each(function()
    for _, name in ipairs { "a", "b" } do pid_of(name) end
    for pid in pairs(pids) do
      if host.is_alive(pid) then stop(pid) end
    end
    pids = {}
    host.clean_up()
  end)

  local function put(text)
    host.write(directory .. "/tree.lua", text)
    return directory .. "/tree.lua"
  end

  local function arguments(name, ...)
    return { "run", "--socket", ("%s/%s.sock"):format(directory, name), "tree.lua", ... }
  end

  local function start(name)
    return host.spawn(arguments(name, "--daemon"), nil, { cwd = directory })
  end

  local function finish(name)
    local process = start(name)
    return assert(process:wait(15)), process:stderr(), process:stdout()
  end

  it("returns with 0 when the tree is up; in the background of a shell it would not have been", function()
    put(SERVICE)
    local code, said = finish "a"
    assert.equal(0, code, said)
    assert.equal("", said)
    assert.truthy(host.wait_until(function() return read("a.log"):find("top starting -> running", 1, true) end, 10))
    assert.is_true(host.is_alive(pid_of "a"))
    stop(pid_of "a")
    assert.equal("", read "a.pid")
    assert.truthy(read("a.log"):find("the tree ended: shutdown", 1, true))

    put(SERVICE:gsub("0.5", "1000"))
    local words = table.concat(arguments "b", " ")
    local naive = host.spawn({ "-c", ('"%s" %s > b.log 2>&1 & echo $! > b.pid'):format(host.binary, words) }, nil,
      { cwd = directory, command = { "sh" } })
    assert.equal(0, naive:wait(10))
    assert.is_nil(read("b.log"):find("top starting -> running", 1, true))
  end)

  it("returns with 2 and the message for a script that is bad", function()
    put "return nonsense.here"
    local code, said = finish "a"
    assert.equal(2, code)
    assert.truthy(said:find("tree.lua:1: attempt to index a nil value", 1, true), said)
    assert.is_nil(pid_of "a")
  end)

  it("returns with 1 and the reason when its log cannot be written", function()
    put(SERVICE)
    local process = host.spawn(arguments("a", "--daemon", "--log-file", "/no/such/file"), nil, { cwd = directory })
    assert.equal(1, process:wait(15))
    assert.truthy(process:stderr():find("--log-file: open: No such file or directory: /no/such/file", 1, true),
      process:stderr())
    assert.is_nil(pid_of "a")
  end)

  it("returns with 1 and the reason when the tree fails", function()
    put [[local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = { luvisor.program { name = "p", command = "/no/such",
        critical = true, restart = luvisor.restart.retries(0) } } }]]
    local code, said = finish "a"
    assert.equal(1, code)
    assert.truthy(said:find("critical unit top/p is FATAL: execve: No such file or directory: /no/such", 1, true), said)
    assert.truthy(read("a.log"):find("the tree ended: error", 1, true))
    assert.equal("", read "a.pid")
  end)

  it("waits for the last try of a critical unit", function()
    local tree = [[local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = {
        luvisor.program { name = "p", command = "false", critical = %s, backoff = { min = 0.4, max = 0.4 } } } }]]
    put(tree:format "true")
    local code, said = finish "a"
    assert.equal(1, code, said)
    assert.truthy(said:find("critical unit top/p is FATAL: exit 1", 1, true), said)
    put(tree:format "false")
    code, said = finish "b"
    assert.equal(0, code, said)
    assert.truthy(said:find("not all of it: top/p (exit 1)", 1, true), said)
  end)

  it("returns with 0 and says who is not up", function()
    put [[local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = {
        luvisor.program { name = "p", command = "/no/such", restart = luvisor.restart.retries(0) },
        luvisor.program { name = "late", command = "sleep 1000", after = { p = "ready" } },
        luvisor.program { name = "well", command = "sleep 1000", ready = { after = 0.2 } } } }]]
    local code, said = finish "a"
    assert.equal(0, code, said)
    assert.truthy(said:find("the tree is up, but not all of it: top/p (execve: No such file", 1, true), said)
    assert.truthy(read("a.log"):find("top/well STARTING -> RUNNING", 1, true))
    assert.is_true(host.is_alive(pid_of "a"))
  end)

  it("returns with 1 when the host is killed before that", function()
    put [[os.execute "kill -9 $PPID"]]
    local code, said = finish "a"
    assert.equal(1, code)
    assert.truthy(said:find("the host was ended by signal 9 before its tree was up", 1, true), said)
  end)

  it("stops the host when it is told to stop before that", function()
    put(SERVICE:gsub("0.5", "1000"))
    local process = start "a"
    assert(host.wait_until(function() return read("a.log"):find "STARTING" end, 10))
    process:signal "sigint"
    assert.equal(0, process:wait(15))
    assert.truthy(read("a.log"):find("the tree ended: shutdown", 1, true))
    assert.equal("", read "a.pid")
  end)

  it("keeps nothing of its caller's, and gives its programs nothing of it", function()
    put(SERVICE:gsub('command = "sleep 1000"', 'command = "sleep 1000", stdout = "inherit"'))
    local code = finish "a" -- which also waits until nobody holds the pipes to this test any more
    assert.equal(0, code)
    local pid = pid_of "a"
    local function descriptor(of, number) return uv.fs_readlink(("/proc/%d/fd/%d"):format(of, number)) end
    assert.equal("/dev/null", descriptor(pid, 0))
    assert.equal(uv.fs_realpath(directory .. "/a.log"), descriptor(pid, 1))
    assert.equal(descriptor(pid, 1), descriptor(pid, 2))
    assert.equal(pid, tonumber(host.read(("/proc/%d/stat"):format(pid)):match "^%d+ %b() %S %d+ %d+ (%d+)"))
    local program = tonumber(read("a.log"):match "STARTING %(pid (%d+)%)")
    local open = {}
    local scan = uv.fs_scandir(("/proc/%d/fd"):format(program))
    for name in uv.fs_scandir_next, scan do open[#open + 1] = tonumber(name) end
    table.sort(open)
    assert.same({ 0, 1, 2 }, open)
    local environment = host.read(("/proc/%d/environ"):format(program))
    assert.is_nil(environment:find("LUVISOR_DAEMON", 1, true))
  end)

  it("opens its log again on USR1; without it the old file goes on", function()
    put(SERVICE)
    assert.equal(0, (finish "a"))
    local pid = pid_of "a"
    assert(uv.fs_rename(directory .. "/a.log", directory .. "/a.old"))
    uv.kill(pid, "sigquit")
    assert(host.wait_until(function() return read("a.old"):find "top running" end, 10))
    assert.equal("", read "a.log")
    uv.kill(pid, "sigusr1")
    assert(host.wait_until(function() return host.read(directory .. "/a.log") end, 10))
    uv.kill(pid, "sigquit")
    assert(host.wait_until(function() return read("a.log"):find "top running" end, 10))
  end)
end)

describe("the name of a host", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function run(option, text)
    host.write(directory .. "/tree.lua", text or SERVICE)
    return host.spawn({ "run", option, "tree.lua" }, { XDG_RUNTIME_DIR = directory }, { cwd = directory })
  end

  it("is one host's at a time: the second exits with 3, and another name is free", function()
    local first = run "--name=one"
    first:expect "top starting %-> running"
    local second = run "--name=one"
    assert.equal(3, second:wait(10))
    assert.truthy(second:stderr():find(('another host has the name "one" (pid %d, lock %s/luvisor/one.lock)')
      :format(first.pid, directory), 1, true), second:stderr())
    assert.is_nil(second:stderr():find "STARTING")
    local other = run "--name=two"
    other:expect "top starting %-> running"
    assert.equal(0, first:stop())
    run("--name=one"):expect "top starting %-> running"
  end)

  it("is its host's until nothing of the tree runs any more, and then free (3.54)", function()
    local first = run("--name=one", [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "slow", command = { "sh", "-c", "trap 'while [ ! -e go ]; do sleep 0.05; done; exit 0' TERM;"
    .. " echo up; while :; do sleep 0.05; done" }, ready = { line = "up" }, stdout = { prefix = true },
    shutdown = 60 },
} }
]])
    first:expect "top starting %-> running"
    first:signal "sigterm"
    first:expect "SIGTERM: stopping"
    local second = run "--name=one"
    assert.equal(3, second:wait(10))
    assert.truthy(second:stderr():find('another host has the name "one"', 1, true), second:stderr())
    assert.is_nil(second:stderr():find "STARTING")
    host.write(directory .. "/go", "")
    assert.equal(0, first:wait(15))
    run("--name=one"):expect "top starting %-> running" -- the control: refused was what came too early
  end)

  it("is free for whoever is told by the control socket that the host is gone", function()
    local first = run "--name=one"
    first:expect "top starting %-> running"
    local path = directory .. "/luvisor/one"
    local told, fd, before = nil, nil, select(3, native.lock(path .. ".lock"))
    local pipe = uv.new_pipe(false)
    pipe:connect(path .. ".sock", function()
      pipe:write '{"jsonrpc":"2.0","id":1,"method":"shutdown"}\n'
      pipe:read_start(function(_, chunk)
        if chunk then return end
        pipe:close()
        told, fd = pcall(native.lock, path .. ".lock")
      end)
    end)
    assert(host.wait_until(function() return told ~= nil end, 15))
    assert.equal("EBUSY", before) -- the control arm
    assert.is_truthy(fd)
    assert.is_nil(host.read(path .. ".pid"))
    assert.is_nil(uv.fs_stat(path .. ".sock"))
    uv.fs_close(fd)
    assert.equal(0, first:wait(15))
  end)

  it("is free again when its host was killed, and what is left of that does not matter", function()
    local first = run "--name=one"
    first:expect "top starting %-> running"
    first:signal "sigkill"
    first:wait(10)
    assert.equal(("%d\n"):format(first.pid), host.read(directory .. "/luvisor/one.pid"))
    local second = run "--name=one"
    second:expect "top starting %-> running"
    assert.equal(("%d\n"):format(second.pid), host.read(directory .. "/luvisor/one.pid"))
    assert.equal(0, second:stop())
    assert.is_nil(host.read(directory .. "/luvisor/one.pid"))
    assert.truthy(host.read(directory .. "/luvisor/one.lock"))
  end)

  it("is refused when it is no name", function()
    local process = run "--name=a/b"
    assert.equal(2, process:wait(10))
    assert.truthy(process:stderr():find("--name: ", 1, true), process:stderr())
  end)

  it("is done without where there is no place for it, but not when it was asked for", function()
    host.write(directory .. "/file", "")
    local env = { XDG_RUNTIME_DIR = directory, LUVISOR_SOCKET = directory .. "/file/x.sock" }
    host.write(directory .. "/tree.lua", SERVICE)
    local process = host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
    process:expect "warn  luvisor no name: .*file"
    process:expect "top starting %-> running"
    assert.equal(0, process:stop())
    process = host.spawn({ "run", "--daemon", "tree.lua" }, env, { cwd = directory })
    assert.equal(1, process:wait(10))
  end)
end)
