-- SPDX-License-Identifier: Apache-2.0
-- What the drivers share that ask a host of their own over its control socket.

local uv = require "luv"

local client = {}

local directory = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-bench-XXXXXX"))
client.directory = directory
local handles = {}

--- Writes a file into the directory that is there for the driver alone: its path.
function client.write(name, text)
  local file = assert(io.open(directory .. "/" .. name, "w"))
  file:write(text)
  file:close()
  return directory .. "/" .. name
end

--- Runs the binary with these arguments: the pid.
function client.spawn(...)
  local handle, pid = uv.spawn(uv.exepath(), { args = { ... }, stdio = { nil, nil, 2 } }, function() end)
  handles[#handles + 1] = assert(handle, pid)
  return pid
end

--- Milliseconds of CPU that a process has used.
function client.cpu_of(pid)
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

--- A connection to the socket at a path, as soon as somebody listens there.
function client.connect(path)
  wait_for(function() return uv.fs_stat(path) end)
  local self = { pipe = reach(path), got = 0, done = false }
  self.pipe:read_start(function(_, chunk)
    self.got = self.got + #assert(chunk, "it is gone")
    self.done = chunk:byte(-1) == 10
    if self.done and self.on_answer then self.on_answer() end
  end)
  return self
end

--- Milliseconds until the whole answer is there, and its length.
function client.ask(self, request)
  self.got, self.done = 0, false
  local begun = uv.hrtime()
  self.pipe:write(request)
  while not self.done do uv.run "once" end
  return (uv.hrtime() - begun) / 1e6, self.got
end

--- Ends what was spawned, and removes the directory.
function client.clean_up()
  for _, handle in ipairs(handles) do handle:kill "sigkill" end
  for name in uv.fs_scandir_next, assert(uv.fs_scandir(directory)) do uv.fs_unlink(directory .. "/" .. name) end
  uv.fs_rmdir(directory)
end

--- Runs a host with a tree of this text: the path of its socket, its pid.
function client.run(text)
  local path = directory .. "/host.sock"
  return path, client.spawn("run", "--log-level", "none", "--socket", path, client.write("tree.lua", text))
end

client.STATUS = '{"jsonrpc":"2.0","id":1,"method":"status"}\n'

return client
