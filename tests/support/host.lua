-- SPDX-License-Identifier: Apache-2.0
-- The binary, from outside: starts it, reads what it says, signals it, waits for its end. Waiting drives the loop, and
-- every wait has a deadline. The environment may say which binary (LUVISOR_BIN) and what goes before it
-- (LUVISOR_TEST_WRAP, "valgrind -q"), which makes everything take its time.

local uv = require "luv"

local host = {}

---@class Process
local Process = {}
Process.__index = Process

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "."
local wrap = {}
for word in (os.getenv "LUVISOR_TEST_WRAP" or ""):gmatch "%S+" do wrap[#wrap + 1] = word end

--- The directory of the checkout.
host.root = uv.fs_realpath(here .. "/../..")
host.binary = os.getenv "LUVISOR_BIN" or host.root .. "/build/release/luvisor"
--- What every wait is multiplied by.
host.slowness = #wrap > 0 and 20 or (host.binary:find "[at]san/" and 3 or 1)

local running = {}

-- ---- waiting

--- Runs the loop until predicate() is true, and returns what it returned; false when the seconds are over. They are
--- more where the machine is busy, unless they are `exact`.
function host.wait_until(predicate, seconds, exact)
  local factor = exact and 1 or host.slowness * math.max(1, math.min(5, uv.loadavg() / 2))
  local over = false
  local limit, tick = uv.new_timer(), uv.new_timer()
  uv.update_time() -- a test may have computed for longer than it is ready to wait
  limit:start(math.ceil(seconds * factor * 1000), 0, function() over = true end)
  tick:start(10, 10, function() end) -- predicates may ask about what the loop does not tell: files, processes
  local result = predicate()
  while not result and not over do
    uv.run "once"
    result = predicate()
  end
  limit:close()
  tick:close()
  return result or false
end

--- Runs the loop for so long; only for what must not happen meanwhile.
function host.stay(seconds)
  host.wait_until(function() return false end, seconds, true)
end

-- ---- one process

-- Every host has a place of its own for its lock, socket and log, unless a test says where: none meets another.
-- They go with the process, when luv may be gone already.
local places = setmetatable({ count = 0 }, { __gc = function(self)
  if self.base then os.execute(("rm -rf '%s'"):format(self.base)) end
end })

local function own_place()
  places.base = places.base or assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-run-XXXXXX"))
  places.count = places.count + 1
  local path = ("%s/%d"):format(places.base, places.count)
  assert(uv.fs_mkdir(path, 448))
  return path
end

local function environment(changes)
  local all, list = uv.os_environ(), {}
  for name in pairs(all) do
    if name:find "^LUVISOR_" then all[name] = nil end
  end
  if #wrap > 0 then all.LUVISOR_SELF = host.binary end -- its guests run without what is around it
  all.XDG_RUNTIME_DIR = not (changes and changes.XDG_RUNTIME_DIR) and own_place() or nil
  for name, value in pairs(changes or {}) do all[name] = value end
  for name, value in pairs(all) do list[#list + 1] = name .. "=" .. value end
  return list, all.XDG_RUNTIME_DIR
end

-- What was said is kept in pieces and joined when somebody asks.
local joined = {}

function joined.__index(text, name)
  local pieces = text.process.pieces[name]
  if #pieces > 1 then
    local whole = table.concat(pieces)
    text.process.pieces[name] = { whole }
    return whole
  end
  return pieces[1] or ""
end

local function collect(self, pipe, name)
  pipe:read_start(function(err, chunk)
    if err or not chunk then return pipe:close() end
    for _, stream in ipairs { name, "both" } do
      local pieces = self.pieces[stream]
      pieces[#pieces + 1] = chunk
    end
  end)
end

local function check_open(self)
  if self.over and self.out:is_closing() and self.err:is_closing() then return true end
end

--- Starts `luvisor ARGS...`.
---@param args string[]
---@param env? table<string, string> added to the environment
---@param options? { cwd?: string, command?: string[], input?: string } command: in place of the binary
---@return Process
function host.spawn(args, env, options)
  options = options or {}
  local command = {}
  if options.command then
    table.move(options.command, 1, #options.command, 1, command)
  else
    table.move(wrap, 1, #wrap, 1, command)
    command[#command + 1] = host.binary
  end
  table.move(args, 1, #args, #command + 1, command)
  local self = setmetatable({ text = setmetatable({}, joined), args = args }, Process)
  self.pieces = { out = {}, err = {}, both = {} }
  self.text.process = self
  local variables
  variables, self.place = environment(env)
  self.out, self.err = uv.new_pipe(false), uv.new_pipe(false)
  local input = options.input and uv.new_pipe(false) or nil
  local handle, pid = uv.spawn(command[1], {
    args = table.move(command, 2, #command, 1, {}), env = variables, cwd = options.cwd or host.root,
    stdio = { input, self.out, self.err },
  }, function(code, signal)
    self.code, self.signal_number, self.over = code, signal, true
    running[self] = nil
    self.handle:close()
  end)
  assert(handle, pid)
  self.handle, self.pid = handle, pid
  running[self] = true
  collect(self, self.out, "out")
  collect(self, self.err, "err")
  if input then
    input:write(options.input)
    input:shutdown(function() input:close() end)
  end
  return self
end

--- Everything it has said so far, on stdout and stderr.
function Process:output() return self.text.both end
function Process:stdout() return self.text.out end
function Process:stderr() return self.text.err end

--- Sends a signal, "sigterm" or a number.
function Process:signal(signal)
  if not self.over then self.handle:kill(signal) end
end

--- Waits for its end: exit code and signal (0 for none); nil and a message when the seconds are over.
function Process:wait(seconds)
  if not host.wait_until(function() return check_open(self) end, seconds or 10) then
    return nil, "still running:\n" .. self.text.both
  end
  return self.code, self.signal_number
end

--- Waits until it has said a pattern, `count` times; raises with all it has said when it does not.
---@return string found the first capture, or the whole match
function Process:expect(pattern, seconds, count)
  local found
  local function said()
    local matches = 0
    for match in self.text.both:gmatch(pattern) do
      matches = matches + 1
      found = match
      if matches == (count or 1) then return true end
    end
    return self.over and check_open(self) and "over"
  end
  if host.wait_until(said, seconds or 10) ~= true then
    error(("it never said %q%s:\n%s"):format(pattern, count and " " .. count .. " times" or "", self.text.both), 2)
  end
  return found
end

--- How often it has said a pattern.
function Process:count(pattern)
  return select(2, self.text.both:gsub(pattern, ""))
end

--- SIGTERM, and its exit code; raises when it does not end.
function Process:stop(seconds)
  self:signal "sigterm"
  local code, message = self:wait(seconds or 15)
  if not code then error("SIGTERM: " .. message, 2) end
  return code
end

--- Runs to the end: exit code, stdout, stderr.
function host.run(args, env, seconds, options)
  local process = host.spawn(args, env, options)
  local code, signal = process:wait(seconds or 10)
  if not code then
    process:signal "sigkill"
    error(signal, 2)
  end
  return code, process.text.out, process.text.err
end

--- Runs a client command against a host that was spawned: exit code, stdout, stderr.
function Process:client(args, seconds)
  return host.run(args, { XDG_RUNTIME_DIR = self.place }, seconds)
end

--- Starts a client command against it.
---@return Process
function Process:follow(args)
  return host.spawn(args, { XDG_RUNTIME_DIR = self.place })
end

--- The path of its control socket.
function Process:socket()
  return self.place .. "/luvisor/default.sock"
end

-- ---- files

local function remove(path)
  local scan = uv.fs_scandir(path)
  while scan do
    local name, kind = uv.fs_scandir_next(scan)
    if not name then break end
    if kind == "directory" then remove(path .. "/" .. name) else uv.fs_unlink(path .. "/" .. name) end
  end
  uv.fs_rmdir(path)
end

--- Removes a directory with all that is in it.
host.remove = remove

local directories = {}

--- A new empty directory, which clean_up removes with all that is in it, unless it is to last longer than a test.
---@param lasting? boolean
---@return string path
---@return function remove
function host.directory(lasting)
  local path = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/luvisor-test-XXXXXX"))
  if not lasting then directories[#directories + 1] = path end
  return path, function() remove(path) end
end

--- Kills what a test has left running, and removes its directories. For after_each.
function host.clean_up()
  for process in pairs(running) do process:signal "sigkill" end
  host.wait_until(function() return next(running) == nil end, 5)
  for i, path in ipairs(directories) do
    remove(path)
    directories[i] = nil
  end
end

function host.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The contents of a file, nil when it is not there.
function host.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- Whether there is a process of that pid that is no zombie: who reaps it in the end is another matter.
function host.is_alive(pid)
  local status = host.read(("/proc/%d/stat"):format(pid))
  return status ~= nil and not status:find "^%d+ %b() [ZX]"
end

--- The names in a directory.
function host.entries(path)
  local list, scan = {}, assert(uv.fs_scandir(path))
  for name in uv.fs_scandir_next, scan do list[#list + 1] = name end
  return list
end

--- A TCP port of 127.0.0.1 that is free now.
function host.free_port()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  socket:close()
  return port
end

return host
