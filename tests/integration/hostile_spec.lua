-- SPDX-License-Identifier: Apache-2.0
-- What somebody has put where the host wants to write or read: other files under the names of its own, links to what
-- is precious, pipes that nobody writes to (3.50, 3.52, 3.53).

local host = require "host"
local uv = require "luv"

local PLAIN = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "p", command = "sleep 1000", ready = { after = 0 }, %s },
} }
]]

describe("a host among hostile files", function()
  local directory

  before_each(function()
    directory = host.directory()
    assert(uv.fs_chmod(directory, 1023)) -- 01777, as /tmp
    host.write(directory .. "/precious", "precious")
  end)
  after_each(host.clean_up)

  local function at(name) return directory .. "/" .. name end
  local function put(keys) host.write(at "tree.lua", PLAIN:format(keys or "")) end
  local function make_fifo(name)
    local code = host.run({ at(name) }, nil, 10, { command = { "mkfifo" } })
    assert.equal(0, code)
  end

  local function run(...)
    return host.spawn({ "run", "--socket", at "a.sock", "tree.lua", ... }, nil, { cwd = directory })
  end

  it("does not remove a file that has the name of its socket; a socket that was left behind it does", function()
    put()
    host.write(at "a.sock", "precious")
    local process = run()
    assert.equal(1, process:wait(10))
    assert.truthy(process:stderr():find("a.sock: a file, not a socket; it is left alone", 1, true), process:output())
    assert.equal("precious", host.read(at "a.sock"))
    assert(uv.fs_unlink(at "a.sock"))
    local first = run()
    first:expect "top starting %-> running"
    first:signal "sigkill"
    first:wait(10)
    assert.equal("socket", assert(uv.fs_lstat(at "a.sock")).type)
    local second = run()
    second:expect "top starting %-> running"
    assert.equal(0, second:count "no control socket")
    assert.equal(0, second:stop())
  end)

  it("writes through no link to what is somebody else's", function()
    put()
    for _, name in ipairs { "a.pid", "a.state.new", "a.state" } do assert(uv.fs_symlink(at "precious", at(name))) end
    local process = run()
    process:expect "top starting %-> running"
    assert.equal(("%d\n"):format(process.pid), host.read(at "a.pid"))
    assert.equal(0, process:stop())
    assert.equal("precious", host.read(at "precious"))
    assert(uv.fs_symlink(at "precious", at "control")) -- the control: whoever just opens it writes through it
    host.write(at "control", "gone")
    assert.equal("gone", host.read(at "precious"))
  end)

  it("takes no lock in a file that has another name, too", function()
    put()
    assert(uv.fs_link(at "precious", at "a.lock"))
    local process = run()
    assert.equal(1, process:wait(10))
    assert.truthy(process:stderr():find("a.lock: EPERM", 1, true), process:output())
    assert.equal("precious", host.read(at "precious"))
  end)

  it("waits for nobody at the end of a pipe", function()
    put()
    make_fifo "a.pid"
    make_fifo "a.state.new"
    local process = run()
    process:expect "top starting %-> running"
    assert.equal(0, process:stop())
    make_fifo "variables"
    put(('env_file = %q'):format(at "variables"))
    local code, _, said = host.run({ "check", at "tree.lua" }, nil, 10)
    assert.equal(2, code)
    assert.truthy(said:find("variables: a fifo, not a file", 1, true), said)
  end)

  it("takes neither a script nor a module from where it is called (3.66)", function()
    local rogue = 'io.stderr:write "the rogue was here\\n"\nreturn {}\n'
    for _, name in ipairs { "tree.lua", "luvisor.lua", "rogue.lua", "luv.lua" } do host.write(at(name), rogue) end
    assert(uv.fs_mkdir(at "own", 448))
    host.write(at "own/main.lua", [[
local luvisor = require "luvisor"
require "luv"
pcall(require, "rogue")
return luvisor.supervisor { name = "top", children = {} }
]])
    local function check(args, env)
      local process = host.spawn(args, env, { cwd = directory })
      local code = process:wait(10)
      return code, process:output():find("the rogue was here", 1, true) ~= nil
    end
    assert.same({ 0, false }, { check { "check", "own/main.lua" } })
    assert.same({ 2, false }, { check { "check" } })
    assert.same({ 2, false }, { check { "run" } })
    -- The control: it is there to be found, for who asks for it.
    assert.same({ 0, true }, { check({ "check", "own/main.lua" }, { LUA_PATH = at "?.lua" }) })
  end)

  it("says so when there is no current directory", function()
    put()
    for option, expected in pairs {
      ["--socket"] = "x: no current directory", ["--log-file"] = "--log-file: x: no current directory",
    } do
      local script = ('mkdir gone && cd gone && rmdir ../gone && exec "%s" run %s x "%s"')
        :format(host.binary, option, at "tree.lua")
      local process = host.spawn({ "-c", script }, nil, { command = { "sh" }, cwd = directory })
      assert.is_true((process:wait(10)) > 0)
      assert.truthy(process:stderr():find(expected, 1, true), process:stderr())
      assert.is_nil(process:stderr():find("attempt to", 1, true), process:stderr())
    end
  end)
end)
