-- SPDX-License-Identifier: Apache-2.0
-- Reloading by command, by --watch, back again, and very often.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

describe("luvisor", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function text_of(names)
    local children = {}
    for i, name in ipairs(names) do
      children[i] = ([[luvisor.program { name = "%s", command = "sleep 600", ready = { after = 0 } }]]):format(name)
    end
    return ([[local luvisor = require "luvisor" return luvisor.supervisor { name = "top", children = { %s } }]])
      :format(table.concat(children, ","))
  end

  local function write_tree(...) host.write(directory .. "/tree.lua", text_of { ... }) end

  local function start(...)
    process = host.spawn({ "run", "tree.lua", ... }, nil, { cwd = directory })
    process:expect "top starting %-> running"
  end

  local function luvisor(...)
    return process:client({ ... }, 30)
  end

  it("reload shows the plan, applies it, and rollback goes back", function()
    write_tree("a", "b")
    start()
    write_tree("a", "c")
    local code, out, err = luvisor("reload", "--dry-run")
    assert.equal(0, code, err)
    assert.equal("- top/b  removed\n+ top/c  added\n", out)
    assert.equal(0, process:count "top/c STOPPED")
    code, out = luvisor "reload"
    assert.equal(0, code)
    assert.equal("- top/b  removed\n+ top/c  added\n", out)
    process:expect "top/c STARTING %-> RUNNING"
    code, out = luvisor "reload"
    assert.equal(0, code)
    assert.equal("nothing has changed\n", out)
    code, out = luvisor "rollback"
    assert.equal(0, code)
    assert.equal("- top/c  removed\n+ top/b  added\n", out)
    process:expect("top/b STARTING %-> RUNNING", 10, 2)
    code, out, err = luvisor "rollback"
    assert.equal(1, code)
    assert.equal("luvisor: nothing to go back to\n", err)
    assert.equal("", out)
    code, out = luvisor("reload", "--json")
    assert.equal(0, code)
    local result = json.decode(out)
    assert.equal("remove", result.steps[1].action)
    assert.equal("top/c", result.steps[2].path)
    assert.equal(1, process:count "top/a STOPPED %-> STARTING")
    assert.equal(0, process:stop())
  end)

  it("reload closes the sockets that the script has dropped, and leaves the others open", function()
    local TREE = [[local luvisor = require "luvisor" return luvisor.supervisor { name = "top", children = {
      luvisor.program { name = "a", command = "sleep 600", sockets = { one = { unix = "%s/one.sock" } } },
      luvisor.program { name = "b", command = "sleep 600", %s } } }]]
    local function is_there(name) return uv.fs_stat(directory .. "/" .. name) ~= nil end
    host.write(directory .. "/tree.lua", TREE:format(directory,
      ('sockets = { two = { unix = "%s/two.sock" } }'):format(directory)))
    start()
    assert.truthy(is_there "one.sock" and is_there "two.sock")
    assert.equal(0, (luvisor("set", "b", "max_age", "900")))
    assert.truthy(is_there "two.sock")
    host.write(directory .. "/tree.lua", TREE:format(directory, ""))
    assert.equal(0, (luvisor "reload"))
    assert.falsy(is_there "two.sock")
    assert.truthy(is_there "one.sock")
    assert.equal(0, process:stop())
  end)

  it("reload says what is wrong with a script, and ends with 1", function()
    write_tree "a"
    start()
    host.write(directory .. "/tree.lua", "return luvisor luvisor")
    for _, arguments in ipairs { { "reload" }, { "reload", "--dry-run" } } do
      local code, out, err = luvisor(table.unpack(arguments))
      assert.equal(1, code)
      assert.equal("", out)
      assert.truthy(err:find "^luvisor: tree.lua:1: [^\n]*near 'luvisor'\n$", err)
    end
    assert.equal(0, process:stop())
  end)

  it("run --watch reloads when a file is written, or another takes its name", function()
    write_tree "a"
    start "--watch"
    write_tree("a", "b")
    process:expect "top/b STARTING %-> RUNNING"
    host.write(directory .. "/tree.lua.new", text_of { "a", "c" })
    assert(uv.fs_rename(directory .. "/tree.lua", directory .. "/tree.lua~"))
    assert(uv.fs_rename(directory .. "/tree.lua.new", directory .. "/tree.lua"))
    process:expect "top/c STARTING %-> RUNNING"
    host.write(directory .. "/tree.lua", "return luvisor luvisor")
    process:expect "near 'luvisor'; nothing has changed"
    write_tree("a", "d")
    process:expect "top/d STARTING %-> RUNNING"
    assert.equal(1, process:count "top/a STOPPED %-> STARTING")
    assert.equal(0, process:stop())
  end)

  it("run --watch is not held up by other files beside the script", function()
    write_tree "a"
    local command = { "-c", "while :; do echo x >>noise.log; sleep 0.02; done" }
    local noise = host.spawn(command, nil, { cwd = directory, command = { "sh" } })
    assert(host.wait_until(function() return uv.fs_stat(directory .. "/noise.log") end, 10))
    start "--watch"
    local seen
    for _ = 1, 5 do -- it may have been written before it was looked at first
      if not seen then write_tree("a", "b") end
      seen = seen or pcall(process.expect, process, "top/b STARTING %-> RUNNING", 3)
    end
    assert.is_true(seen)
    assert.falsy(noise.over)
    assert.equal(0, process:stop())
  end)

  -- The module becomes another one after it was read, and before anybody looks.
  local function start_with_a_change_meanwhile(...)
    host.write(directory .. "/part.lua", 'return "a"')
    host.write(directory .. "/tree.lua", [[
      local luvisor = require "luvisor"
      local name = require "part"
      io.open("part.lua", "w"):write('return "b"'):close()
      return luvisor.supervisor { name = "top", children = {
        luvisor.program { name = name, command = "sleep 600", ready = { after = 0 } } } }]])
    start(...)
  end

  it("run --watch sees what has changed since it was read", function()
    start_with_a_change_meanwhile "--watch"
    process:expect "top/b STARTING %-> RUNNING"
    assert.equal(0, process:stop())
  end)

  it("run without --watch does not see that: the control arm", function()
    start_with_a_change_meanwhile()
    process:expect "top/a STARTING %-> RUNNING"
    host.stay(0.5)
    assert.equal(0, process:count "reload")
    assert.equal(0, process:stop())
  end)

  it("run without --watch does not: the control arm", function()
    write_tree "a"
    start()
    write_tree("a", "b")
    host.stay(1)
    assert.equal(0, process:count "reload")
    assert.equal(0, process:stop())
  end)

  local function memory() return tonumber(host.read(("/proc/%d/status"):format(process.pid)):match "VmRSS:%s*(%d+)") end

  it("holds no more memory after a thousand reloads", function()
    if host.binary:find "[at]san/" then return pending "a sanitizer keeps what was freed" end
    host.write(directory .. "/w.lua", [[
      local W = require("luvisor.worker").define()
      W:actor("starting", function(self) self.data = { n = 0 } return "run" end)
      W:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
      W:upgrade(function(_, _, data) data.n = data.n + VERSION return data end)
      return W]])
    local text = [[VERSION = NUMBER
      local luvisor = require "luvisor"
      local ballast = ("x"):rep(50000) .. VERSION
      local children = { luvisor.worker { name = "w", module = "w" } }
      for i = 1, 20 do
        children[i + 1] = luvisor.worker { name = "x" .. i, module = "w", args = { VERSION, ballast } }
      end
      return luvisor.supervisor { name = "top", children = children }]]
    host.write(directory .. "/tree.text", text)
    host.write(directory .. "/tree.lua", (text:gsub("NUMBER", "1")))
    process = host.spawn({ "run", "--log-level", "warn", "tree.lua" }, nil, { cwd = directory })
    assert(host.wait_until(function() return uv.fs_stat(process:socket()) end, 10))
    -- In the host itself: a thousand commands would take a thousand processes.
    local function reload_often(first, count)
      local script = ([[
        local file = io.open "tree.text"
        local text = file:read "a"
        file:close()
        for i = %d, %d do
          file = io.open("tree.lua", "w")
          file:write((text:gsub("NUMBER", i)))
          file:close()
          reload()
        end]]):format(first, first + count - 1)
      local code, out, err = process:client({ "repl", "-e", (script:gsub("\n%s*", " ")) }, 120)
      assert.equal(0, code, out .. err)
    end
    reload_often(2, 100)
    local before = memory()
    reload_often(102, 900)
    local after = memory()
    assert.is_true(after < before + 8000, ("%d kB, then %d kB"):format(before, after))
    local _, out = luvisor("repl", "-e", "local u = unit 'x1' return u:info().generation, state('x1').data.n > 100000")
    assert.equal("1, true\n", out)
    assert.equal(0, process:stop())
  end)
end)
