-- SPDX-License-Identifier: Apache-2.0
-- What the loading of a program asks of the machine. Users are made up, so that it is the same for whoever runs it.

local account = require "host.account"
local host = require "host"
local identity = require "luvisor.edge.identity"
local loader = require "luvisor.edge.loader"
local spec = require "luvisor.core.spec"
local uv = require "luv"

local USERS = {
  { name = "root", uid = 0, gid = 0, home = "/root", shell = "/bin/bash", groups = { 0 } },
  { name = "web", uid = 33, gid = 34, home = "/var/www", shell = "/usr/sbin/nologin", groups = { 34, 50 } },
  { name = "bare", uid = 40, gid = 41, home = "/", shell = "", groups = { 41 } },
}
local GROUPS = { root = 0, adm = 4, www = 34 }

local real = {}
for name, fn in pairs(account) do real[name] = fn end

--- A machine with these users; the host acts as `own`, and may do all that root may if that is 0.
local function pretend(own)
  function account.user(wanted)
    for _, one in ipairs(USERS) do
      if one.name == wanted or one.uid == wanted then return one end
    end
    return nil, "ENOENT: no such file or directory", "ENOENT"
  end
  function account.group(name)
    if name == "slow" then return nil, "EIO: i/o error", "EIO" end
    if GROUPS[name] then return GROUPS[name] end
    return nil, "ENOENT: no such file or directory", "ENOENT"
  end
  function account.groups(name) return { table.unpack(account.user(name).groups) } end
  function account.own() return own, own == 0 and 0 or account.user(own).gid end
  function account.may() return own == 0 end
  function account.limit(resource) if resource == "nice" then return 0, 0 end return 100, 1000 end
end

local function prepare(keys)
  local def = { name = "p", command = "true" }
  for key, value in pairs(keys) do def[key] = value end
  local one = assert(spec.program(def, { file = "tree.lua", line = 3 }))
  local ok, message, code = loader.prepare(one, {})
  if not ok then return nil, message, code end
  return one
end

local function refused(expected, keys)
  local one, message, code = prepare(keys)
  assert.is_nil(one)
  assert.equal('tree.lua:3: program "p": ' .. expected, message)
  assert.equal("EINVAL", code)
end

describe("loading a program", function()
  local directory, remove_directory

  setup(function() directory, remove_directory = host.directory(true) end)
  teardown(function() remove_directory() end)
  before_each(function() pretend(0) end)
  after_each(function() for name, fn in pairs(real) do account[name] = fn end end)

  local function file(name, text)
    host.write(directory .. "/" .. name, text)
    return directory .. "/" .. name
  end

  describe("as somebody", function()
    local function is(expected, keys) assert.same(expected, assert(prepare(keys)).identity) end

    it("leaves it as the host is when nobody is named", function() is({ environment = {} }, {}) end)

    it("takes the groups of a user, and USER, LOGNAME, HOME and SHELL as far as they are any good", function()
      is({ uid = 33, gid = 34, groups = { 34, 50 },
        environment = { USER = "web", LOGNAME = "web", HOME = "/var/www", SHELL = false } }, { user = "web" })
      is({ uid = 33, gid = 34, groups = { 34, 50 },
        environment = { USER = "web", LOGNAME = "web", HOME = "/var/www", SHELL = false } }, { user = 33 })
      is({ uid = 0, gid = 0, groups = { 0 },
        environment = { USER = "root", LOGNAME = "root", HOME = "/root", SHELL = "/bin/bash" } }, { user = "root" })
      is({ uid = 40, gid = 41, groups = { 41 },
        environment = { USER = "bare", LOGNAME = "bare", HOME = false, SHELL = false } }, { user = "bare" })
    end)

    it("takes another group, and further ones, each once", function()
      local one = prepare { user = "web", group = "root", groups = { "adm", 50, 77 } }
      assert.same({ 33, 0, { 34, 50, 4, 77 } }, { one.identity.uid, one.identity.gid, one.identity.groups })
      is({ gid = 4, groups = {}, environment = {} }, { group = "adm" })
      is({ groups = { 4 }, environment = {} }, { groups = { "adm" } })
    end)

    it("takes an id without an account only with a group", function()
      is({ uid = 999, gid = 34, groups = {}, environment = { USER = false, LOGNAME = false, HOME = false,
        SHELL = false } }, { user = 999, group = "www" })
      refused('key "user": id 999 has no account, and so no group: give group as well', { user = 999 })
    end)

    it("refuses whom it does not find (spawn_with_nonexistent_user_logs_error)", function()
      refused('key "user": unknown user "nobody-here"', { user = "nobody-here" })
      refused('key "group": unknown group "nobody-here"', { group = "nobody-here" })
      refused('key "groups[2]": unknown group "nope"', { groups = { "adm", "nope" } })
      refused('key "group": looking up group slow: EIO: i/o error', { group = "slow" })
    end)

    it("refuses what a host that is not root cannot do, and is content with what it is", function()
      pretend(33)
      refused('key "user": a host that runs as web may not start programs as user root', { user = "root" })
      refused('key "user": a host that runs as web may not start programs as user 0', { user = 0 })
      refused('key "group": a host that runs as web may not start programs as group adm', { group = "adm" })
      refused('key "groups": a host that runs as web may not start programs as group adm, 4', { groups = { "adm", 4 } })
      is({ environment = { USER = "web", LOGNAME = "web", HOME = "/var/www", SHELL = false } },
        { user = "web", group = "www" })
    end)

    it("finds real users and groups", function()
      for name, fn in pairs(real) do account[name] = fn end
      local root = assert(account.user "root")
      assert.same({ "root", 0, 0 }, { root.name, root.uid, root.gid })
      assert.equal("root", account.user(0).name)
      assert.equal(0, account.group "root")
      assert.truthy(table.concat(account.groups("root", 4321), " "):find("4321", 1, true))
      assert.same({ nil, "ENOENT: no such file or directory", "ENOENT" }, { account.user "no-such-user" })
      assert.equal("ENOENT", select(3, account.group "no-such-group"))
      assert.has_error(function() account.user(-1) end)
      assert.has_error(function() account.may "fly" end)
      assert.has_error(function() account.limit "luck" end)
      assert.is_true(select(2, account.limit "nofile") >= account.limit "nofile")
    end)

    it("does not look anybody up for a program that names nobody", function()
      function account.user() error "asked" end
      function account.own() error "asked" end
      assert.same({ environment = {} }, identity.of {})
    end)

    it("is asked for once in a load, and each time otherwise", function()
      pretend(0)
      local asked, user = 0, account.user
      function account.user(...)
        asked = asked + 1
        return user(...)
      end
      local function ask(times, wanted)
        for _ = 1, times do assert.equal(wanted == "web" and 33 or 40, identity.of({ user = wanted }).uid) end
        return asked
      end
      local each = ask(1, "web")
      assert.equal(3 * each, ask(2, "web"))
      do
        local over <close> = identity.remember() -- luacheck: ignore
        assert.equal(4 * each, ask(5, "web"))
        assert.equal(5 * each, ask(5, "bare"))
      end
      assert.equal(6 * each, ask(1, "web"))
    end)
  end)

  describe("with environment files", function()
    it("lets the later win, env over both, and all over what the user brings", function()
      local one = assert(prepare {
        user = "web", env_file = { file("1.env", "A=1\nB=1\nC=1\nHOME=/elsewhere\n"), file("2.env", "B=2\nC=2\n") },
        env = { C = "3" },
      })
      assert.same({ A = "1", B = "2", C = "3", HOME = "/elsewhere", USER = "web", LOGNAME = "web", SHELL = false },
        one.variables)
    end)

    it("refuses a missing one, unless it may be missing (missing_file_is_hard_error)", function()
      local path = directory .. "/none.env"
      refused(('key "env_file": %s: No such file or directory'):format(path), { env_file = path })
      assert.same({}, assert(prepare { env_file = "-" .. path }).variables)
      refused(('key "env_file": %s: Is a directory'):format(directory), { env_file = "-" .. directory })
    end)

    it("refuses a malformed one, naming its line (malformed_line_is_hard_error)", function()
      local path = file("bad.env", "A=1\nnonsense\n")
      refused(('key "env_file": %s:2: expected NAME=value'):format(path), { env_file = path })
      refused(('key "env_file": %s:2: expected NAME=value'):format(path), { env_file = "-" .. path })
    end)
  end)

  it("finds directories and files (existing_directory_passes, nonexistent_directory_raises, ...)", function()
    local path = file("in.txt", "")
    assert.truthy(prepare { cwd = directory, stdin = { file = path } })
    assert.truthy(prepare { stdin = { file = "/dev/null" } })
    refused('key "cwd": ENOENT: no such file or directory: /no/such', { cwd = "/no/such" })
    refused('key "cwd": not a directory: ' .. path, { cwd = path })
    refused('key "stdin.file": ENOENT: no such file or directory: /no/such', { stdin = { file = "/no/such" } })
    refused('key "stdin.file": not a file: ' .. directory, { stdin = { file = directory } })
  end)

  it("knows how far limits go, and whose they are", function()
    local most = math.tointeger(host.read "/proc/sys/fs/nr_open")
    refused(('key "limits.nofile": infinity is more than fs.nr_open, %d'):format(most),
      { limits = { nofile = "infinity" } })
    assert.truthy(prepare { limits = { core = "infinity", nproc = 5000 } })
    pretend(33)
    assert.truthy(prepare { limits = { core = { 0, 1000 }, nproc = 1000 } })
    local above = 'key "limits.%s": %s is above the host\'s own hard limit, 1000, and raising it takes CAP_SYS_RESOURCE'
    refused(above:format("nproc", "1001"), { limits = { nproc = { 1, 1001 } } })
    refused(above:format("core", "infinity"), { limits = { core = "infinity" } })
  end)

  it("knows who may be put before others", function()
    local own, score = uv.os_getpriority(0), math.tointeger(host.read "/proc/self/oom_score_adj")
    assert.truthy(prepare { nice = -20, oom_score_adj = -1000 })
    pretend(33)
    assert.truthy(prepare { nice = 19, oom_score_adj = 1000 })
    if own > -20 then
      refused(('key "nice": -20 is below the host\'s own %d, which takes CAP_SYS_NICE'):format(own), { nice = -20 })
    end
    if score > -1000 then
      refused(('key "oom_score_adj": -1000 is below the host\'s own %d, which takes CAP_SYS_RESOURCE'):format(score),
        { oom_score_adj = -1000 })
    end
  end)
end)
