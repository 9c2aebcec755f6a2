-- SPDX-License-Identifier: Apache-2.0
-- host.process as Lua sees it, with real programs.

local process = require "host.process"
local uv = require "luv"

local environment = process.environment()
local children = {}

local function run_until(done, seconds)
  local over, timer, tick = false, uv.new_timer(), uv.new_timer()
  timer:start((seconds or 30) * 1000, 0, function() over = true end)
  tick:start(10, 10, function() end) -- what a thread writes, the loop is not told
  while not done() and not over do uv.run("once") end
  timer:close()
  tick:close()
  return done()
end

--- A child that collects what happens to it in `child_log`.
local function spawn(options)
  local seen = {}
  options.env = options.env or environment
  options.on_exit = function(...) seen.exit = table.pack(...) end
  local child = assert(process.spawn(options))
  children[#children + 1] = child
  return child, seen
end

local function wait_until_empty(child, seen)
  child:on_empty(function() seen.empty = true end)
  assert.is_true(run_until(function() return seen.empty end))
end

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("a")
  file:close()
  return text
end

describe("host.process", function()
  after_each(function()
    for _, child in ipairs(children) do
      local gone = tostring(child) == "closed process"
      if not gone then
        child:on_empty(function() gone = true end)
        child:signal_group("KILL")
      end
      assert(run_until(function() return gone end))
      child:close()
    end
    children = {}
    uv.run("nowait")
  end)

  it("tells code from signal, and calls back from the loop only", function()
    local child, seen = spawn { command = { "sh", "-c", "exit 126" } }
    assert.is_nil(seen.exit)
    wait_until_empty(child, seen)
    assert.same({ 126, nil, false, n = 3 }, seen.exit)
    child, seen = spawn { command = { "sh", "-c", "ulimit -c 0; kill -SEGV $$" } }
    wait_until_empty(child, seen)
    assert.same({ nil, 11, false, n = 3 }, seen.exit)
  end)

  it("answers on_empty late, and once, for a program that is gone", function()
    local child, seen = spawn { command = { "true" } }
    wait_until_empty(child, seen)
    local count = 0
    child:on_empty(function() count = count + 1 end)
    assert.equal(0, count)
    assert.is_true(run_until(function() return count > 0 end))
    uv.run("nowait")
    assert.equal(1, count)
  end)

  local function members(child)
    local found
    child:members(function(pids) found = pids end)
    assert.is_nil(found) -- never at once
    assert.is_truthy(run_until(function() return found end))
    return found
  end

  it("signals the leader or everyone, and is content when nobody is left", function()
    local child, seen = spawn { command = { "sh", "-c", "sleep 100 & exec sleep 100" } }
    assert.is_true(run_until(function() return #members(child) == 2 end))
    assert.is_true(child:signal("TERM"))
    assert.truthy(run_until(function() return seen.exit end))
    assert.equal(15, seen.exit[2])
    child:on_empty(function() seen.empty = true end)
    uv.run("nowait")
    assert.is_nil(seen.empty)
    assert.equal(1, #members(child))
    assert.is_true(child:signal_group(9))
    assert.is_true(run_until(function() return seen.empty end))
    assert.same({}, members(child))
    assert.is_true(child:signal("SIGTERM"))
    assert.is_true(child:signal_group("TERM"))
  end)

  it("names stage, reason and subject of a failed launch", function()
    local function failure(options)
      options.env = environment
      return table.pack(process.spawn(options))
    end
    assert.same({ nil, "execve: No such file or directory: no-such-program", "ENOENT", "execve", n = 4 },
      failure { command = { "no-such-program" } })
    assert.same({ nil, "chdir: No such file or directory: /no/such", "ENOENT", "chdir", n = 4 },
      failure { command = { "true" }, cwd = "/no/such" })
    assert.same({ nil, "open: Is a directory: /tmp", "EISDIR", "open", n = 4 },
      failure { command = { "true" }, stdout = { file = "/tmp" } })
  end)

  it("appends both streams to a file", function()
    local path = os.tmpname()
    for _ = 1, 2 do
      local child, seen = spawn {
        command = { "sh", "-c", "echo out; echo err >&2" }, stdout = { file = path }, stderr = "stdout",
      }
      wait_until_empty(child, seen)
    end
    run_until(function() return #read_file(path) >= 16 end) -- written by a thread of its own
    assert.equal("out\nerr\nout\nerr\n", read_file(path))
    os.remove(path)
  end)

  it("gives the environment and the attributes it was told", function()
    local path = os.tmpname()
    local child, seen = spawn {
      command = { "/bin/sh", "-c", "echo $A $(umask) $(pwd) $(ulimit -t)" }, env = { "A=1", "PATH=/usr/bin:/bin" },
      cwd = "/", umask = 18, stdout = { file = path }, limits = { cpu = { 50, 60 } },
    }
    wait_until_empty(child, seen)
    run_until(function() return read_file(path) ~= "" end)
    assert.equal("1 0022 / 50\n", read_file(path))
    os.remove(path)
  end)

  it("refuses what it cannot mean", function()
    local function refusal(options)
      local ok, message = pcall(process.spawn, options)
      assert.is_false(ok)
      return message
    end
    local ok = { "true" }
    assert.truthy(refusal({ command = {}, env = {} }):find("command", 1, true))
    assert.truthy(refusal({ command = { 1 }, env = {} }):find("command must be a string", 1, true))
    assert.truthy(refusal({ command = { "a\0b" }, env = {} }):find("NUL", 1, true))
    assert.truthy(refusal({ command = ok }):find("env", 1, true))
    assert.truthy(refusal({ command = ok, env = {}, stdout = "somewhere" }):find("stdout", 1, true))
    assert.truthy(refusal({ command = ok, env = {}, stdout = {} }):find("stdout", 1, true))
    assert.truthy(refusal({ command = ok, env = {}, nice = "very" }):find("nice", 1, true))
    assert.truthy(refusal({ command = ok, env = {}, limits = { nofile = -1 } }):find("nofile", 1, true))
    local child = spawn { command = { "sleep", "100" } }
    assert.has_error(function() child:signal("NONSENSE") end)
    assert.has_error(function() child:signal(0) end)
  end)

  it("knows every signal that a script may name", function()
    local signals = require "luvisor.core.signals"
    for name, number in pairs(signals.numbers) do
      local child, seen = spawn { command = { "sleep", "100" }, limits = { core = 0 } }
      local canonical = signals.name(number):gsub("^SIG", "")
      if name == canonical and not ("STOP TSTP TTIN TTOU CONT CHLD URG WINCH"):find(name, 1, true) then
        assert.is_true(child:signal(name))
        assert.is_true(child:signal("CONT"))
        assert.truthy(run_until(function() return seen.exit end))
        assert.equal(number, seen.exit[2])
      end
      child:signal_group("KILL")
    end
    local child = spawn { command = { "sleep", "100" } }
    for _, name in ipairs { "RTMIN+", "RTMIN+31", "RTMIN-1", "RTMAX", "RTMIN+1x" } do
      assert.has_error(function() child:signal(name) end)
    end
  end)

  it("says that a closed one is closed, and lets its program go on", function()
    local child, seen = spawn { command = { "sleep", "100" } }
    local pid = child:pid()
    child:close()
    child:close()
    assert.equal("closed process", tostring(child))
    assert.has_error(function() child:pid() end, "closed process")
    assert.equal(0, uv.kill(pid, 0))
    uv.kill(pid, 9)
    run_until(function() return uv.kill(pid, 0) ~= 0 end)
    assert.is_nil(seen.exit)
    assert.is_nil((uv.kill(pid, 0))) -- reaped
  end)

  it("leaves no descriptor behind", function()
    local function count()
      local number, listing = 0, uv.fs_scandir("/proc/self/fd")
      while uv.fs_scandir_next(listing) do number = number + 1 end
      return number
    end
    local before = count()
    for _ = 1, 20 do
      local child, seen = spawn { command = { "true" }, stdout = { prefix = "x | " }, stderr = { prefix = "y | " } }
      wait_until_empty(child, seen)
      child:close()
      process.spawn { command = { "no-such-program" }, env = environment, stdout = { prefix = "x | " } }
    end
    uv.run("nowait")
    assert.equal(before, count())
  end)
end)
