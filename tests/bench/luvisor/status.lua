-- SPDX-License-Identifier: Apache-2.0
-- How long a client waits for the status of N units, and for as many bytes from a socket that does nothing else: the
-- two in turn, SAMPLES times. Then the same wait while a reload that restarts all of them is always under way, and a
-- client that hears everything never reads. usage: luvisor lua status.lua N SAMPLES

local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path

local bench = require "bench"
local uv = require "luv"

local UNITS, SAMPLES = bench.argument(1, 1000), bench.argument(2, 200)
local REQUEST = '{"jsonrpc":"2.0","id":1,"method":"status"}\n'

local TREE = [[
local luvisor = require "luvisor"
local definition = require("luvisor.worker").define()
definition:actor("running", { every = 0.5 }, function(self) return self.stopping and "complete" or "keepalive" end)
local children = {}
for i = 1, %d do children[i] = luvisor.worker { name = "w" .. i, module = definition, args = { %d } } end
return luvisor.supervisor { name = "top", children = children }
]]

-- Echoes lines of a given length: "N\n" is answered with N bytes.
local ECHO = [[
local uv = require "luv"
local server = uv.new_pipe(false)
assert(server:bind(arg[1]))
server:listen(8, function()
  local pipe = uv.new_pipe(false)
  server:accept(pipe)
  local text
  pipe:read_start(function(_, chunk)
    if not chunk then return pipe:close() end
    local size = tonumber(chunk:match "%d+")
    if not text or #text ~= size then text = ("x"):rep(size - 1) .. "\n" end
    pipe:write(text)
  end)
end)
]]

local directory = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-bench-XXXXXX"))
local handles = {}

local function write(name, text)
  local file = assert(io.open(directory .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return directory .. "/" .. name
end

local function spawn(...)
  local handle, pid = uv.spawn(uv.exepath(), { args = { ... }, stdio = { nil, nil, 2 } }, function() end)
  handles[#handles + 1] = assert(handle, pid)
  return pid
end

-- Milliseconds of CPU that a process has used.
local function cpu_of(pid)
  local file = assert(io.open(("/proc/%d/schedstat"):format(pid)))
  local nanoseconds = file:read "n"
  file:close()
  return nanoseconds / 1e6
end

local function wait_for(predicate)
  local tick = uv.new_timer()
  tick:start(5, 5, function() end)
  while not predicate() do uv.run "once" end
  tick:close()
end

-- The socket may be there a moment before somebody listens.
local function reach(path)
  local pipe, failed = uv.new_pipe(false), nil
  pipe:connect(path, function(err) failed = err or false end)
  wait_for(function() return failed ~= nil end)
  if not failed then return pipe end
  pipe:close()
  uv.sleep(10)
  return reach(path)
end

local function connect(path)
  wait_for(function() return uv.fs_stat(path) end)
  local self = { pipe = reach(path), got = 0, done = false }
  self.pipe:read_start(function(_, chunk)
    self.got = self.got + #assert(chunk, "it is gone")
    self.done = chunk:byte(-1) == 10
    if self.done and self.on_answer then self.on_answer() end
  end)
  return self
end

-- Milliseconds until the whole answer is there, and its length.
local function ask(self, request)
  self.got, self.done = 0, false
  local begun = uv.hrtime()
  self.pipe:write(request)
  while not self.done do uv.run "once" end
  return (uv.hrtime() - begun) / 1e6, self.got
end

local function clean_up()
  for _, handle in ipairs(handles) do handle:kill "sigkill" end
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(directory)) do uv.fs_unlink(directory .. "/" .. name) end
  uv.fs_rmdir(directory)
end

local function deafen(path)
  local deaf = connect(path)
  deaf.pipe:read_stop()
  deaf.pipe:write('{"jsonrpc":"2.0","id":1,"method":"events"}\n' .. REQUEST:rep(40))
end

-- Reloads again and again, each of which restarts everything; returns how many so far.
local function keep_reloading(path)
  local version, self = 1, connect(path)
  local function reload()
    version = version + 1
    write("tree.lua", TREE:format(UNITS, version))
    self.pipe:write('{"jsonrpc":"2.0","id":1,"method":"reload"}\n')
  end
  self.on_answer = reload
  reload()
  return function() return version - 2 end
end

local tree = write("tree.lua", TREE:format(UNITS, 1))
local pid = spawn("run", "--log-level", "none", "--socket", directory .. "/host.sock", tree)
spawn("lua", write("echo.lua", ECHO), directory .. "/echo.sock")
local host, echo = connect(directory .. "/host.sock"), connect(directory .. "/echo.sock")
local status, raw = {}, {}
for _ = 1, 10 do ask(host, REQUEST) end
local used = 0
for i = 1, SAMPLES do
  local before = cpu_of(pid)
  local length
  status[i], length = ask(host, REQUEST)
  used = used + cpu_of(pid) - before
  raw[i] = ask(echo, length .. "\n")
end
deafen(directory .. "/host.sock")
local reloads, busy = keep_reloading(directory .. "/host.sock"), {}
while #busy < SAMPLES or reloads() == 0 do busy[#busy + 1] = ask(host, REQUEST) end
clean_up()
bench.report("status.p50", bench.percentile(status, 0.5), "ms")
bench.report("status.p99", bench.percentile(status, 0.99), "ms")
bench.report("status.busy_p99", bench.percentile(busy, 0.99), "ms")
bench.report("status.busy_most", bench.percentile(busy, 1), "ms")
bench.report("status.raw_p99", bench.percentile(raw, 0.99), "ms")
bench.report("status.cpu", used / SAMPLES, "ms")
bench.report("status.ratio", bench.percentile(status, 0.5) / bench.percentile(raw, 0.5), "x")
os.exit(0)
