-- SPDX-License-Identifier: Apache-2.0
-- What a program finds when it starts, told by a helper that reports it; and what `check` refuses. As root it is also
-- done as an ordinary user.

local account = require "host.account"
local host = require "host"
local uv = require "luv"

local HELPERS = os.getenv "LUVISOR_HELPERS" or host.root .. "/build/release/helpers"
local IS_ROOT = uv.getuid() == 0
local NOBODY = 65534

describe("a program's keys", function()
  local directory

  before_each(function()
    directory = host.directory()
    uv.fs_chmod(directory, 493) -- for nobody to read
    assert(uv.fs_copyfile(HELPERS .. "/report", directory .. "/report")) -- this checkout may lie below /root
  end)
  after_each(host.clean_up)

  local function write_tree(keys)
    host.write(directory .. "/tree.lua", ([[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "t", children = {
  luvisor.program { name = "p", command = { "%s/report", "x" }, restart = "transient", %s },
} }
]]):format(directory, keys))
  end

  local function command(as_nobody)
    if not (as_nobody and IS_ROOT) then return nil end
    return { "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", host.binary }
  end

  --- What the program says: lists by their first word.
  local function report(keys, options)
    options = options or {}
    write_tree(keys)
    local process = host.spawn({ "run", "--log-level", "error", "tree.lua" }, options.env,
      { cwd = directory, command = options.command or command(options.as_nobody) })
    assert.equal(0, (process:wait(10)), process:output())
    local said = { env = {}, arg = {} }
    for line in process:stdout():gmatch "[^\n]+" do
      local key, rest = line:match "^(%S+) ?(.*)$"
      local name, value = rest:match "^([^=]+)=(.*)$"
      if key == "env" then
        said.env[name] = value
      elseif key == "arg" then
        table.insert(said.arg, rest)
      else
        said[key] = rest
      end
    end
    return said
  end

  local function refused(expected, keys, as_nobody)
    write_tree(keys)
    local process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory, command = command(as_nobody) })
    assert.equal(2, (process:wait(10)), process:output())
    assert.equal('luvisor: tree.lua:3: program "p": ' .. expected .. "\n", process:stderr())
  end

  it("start it with fds 0, 1 and 2, no signal blocked or ignored, as the leader of a session (3.39, 3.42)", function()
    local script = 'trap "" USR1 HUP PIPE; exec 7</dev/null 9>/dev/null; exec "$@"'
    local control = host.spawn({}, nil, { command = { "sh", "-c", script, "sh", HELPERS .. "/report" } })
    assert.equal(0, (control:wait(10)))
    assert.truthy(control:stdout():find "^fds 0 1 2 7 9[%d ]*\nignored 1\nignored 10\nignored 13\n")
    local said = report("nice = 0", { command = { "sh", "-c", script, "sh", host.binary } })
    assert.equal("0 1 2", said.fds)
    assert.is_nil(said.blocked)
    assert.is_nil(said.ignored)
    assert.equal("1 1", said.leads)
    assert.equal("9", said.pdeathsig)
    assert.same({ "x" }, { said.arg[2] })
  end)

  for _, as_nobody in ipairs(IS_ROOT and { false, true } or { true }) do
    describe(as_nobody and "of an ordinary user" or "of root", function()
      it("umask, nice, limits, oom_score_adj, no_new_privs, die_with_host, argv0, cwd", function()
        local nice = math.tointeger(math.min(19, uv.os_getpriority(0) + 7))
        local said = report(([[umask = "027", nice = %d, oom_score_adj = 300, no_new_privs = true,
          die_with_host = false, argv0 = "-report", cwd = "/",
          limits = { nofile = { 100, 200 }, fsize = "64MB", cpu = 1000 }]]):format(nice),
          { as_nobody = as_nobody })
        assert.same({ "027", tostring(nice), "300", "1", "0", "/" },
          { said.umask, said.nice, said.oom_score, said.no_new_privs, said.pdeathsig, said.cwd })
        assert.same({ "100 200", "67108864 67108864", "1000 1000" }, { said.nofile, said.fsize, said.cpu })
        assert.same({ "-report", "x" }, said.arg)
      end)

      it("env_file, env and clear_env (env_file_reaches_child_process, environment_overrides_env_file)", function()
        host.write(directory .. "/a.env", "# the first\nA=1\nB='1'\nC=\"1\"\n")
        host.write(directory .. "/b.env", "B=2\nC=2\n")
        local said = report([[env_file = { "a.env", "b.env", "-none.env" }, env = { C = 3 }]],
          { as_nobody = as_nobody, env = { FROM_HOST = "yes" } })
        assert.same({ "1", "2", "3", "yes" }, { said.env.A, said.env.B, said.env.C, said.env.FROM_HOST })
        said = report([[env_file = "a.env", clear_env = true]], { as_nobody = as_nobody })
        assert.truthy(said.env.LUVISOR_UNIT:find("^t/p/1@"))
        said.env.LUVISOR_UNIT = nil
        assert.same({ A = "1", B = "1", C = "1" }, said.env)
      end)

      it("stdin", function()
        host.write(directory .. "/in.txt", "from the file\n")
        host.write(directory .. "/tree.lua", [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "t", children = {
  luvisor.program { name = "p", command = "cat", restart = "transient", stdin = { file = "in.txt" } } } }
]])
        local process = host.spawn({ "run", "--log-level", "error", "tree.lua" }, nil,
          { cwd = directory, command = command(as_nobody) })
        assert.equal(0, (process:wait(10)), process:output())
        assert.equal("from the file\n", process:stdout())
      end)

      it("are refused by check with file, line, unit and key", function()
        local function refuse(expected, keys) refused(expected, keys, as_nobody) end
        refuse('key "user": unknown user "no-such-user"', [[user = "no-such-user"]])
        refuse('key "group": unknown group "no-such-group"', [[group = "no-such-group"]])
        refuse('key "env_file": none.env: No such file or directory', [[env_file = "none.env"]])
        host.write(directory .. "/bad.env", "A=1\n\nB\n")
        refuse('key "env_file": bad.env:3: expected NAME=value', [[env_file = { "-none.env", "bad.env" }]])
        refuse('key "cwd": ENOENT: no such file or directory: /no/such', [[cwd = "/no/such"]])
        refuse('key "limits.nofil": unknown resource, did you mean "nofile"?', [[limits = { nofil = 1 }]])
      end)
    end)
  end

  it("count makes instances that know their index", function()
    write_tree [[count = 3, stdout = function(i) return { file = ("%d.log"):format(i) } end,
      env = function(i) return { INDEX = i, PORT = 8000 + i } end]]
    local process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    assert.equal(0, (process:wait(10)), process:output())
    for index = 0, 2 do
      local text = host.read(("%s/%d.log"):format(directory, index))
      assert.truthy(text:find(("env PORT=%d\n"):format(8000 + index), 1, true))
      assert.truthy(text:find(("env LUVISOR_UNIT=t/p:%d/1@"):format(index), 1, true))
    end
  end)

  if IS_ROOT then
    it("user sets ids, groups and the environment, and leaves nothing of root (3.40)", function()
      local said = report [[user = "nobody", groups = { 4242, 4243 }]]
      assert.same({ "65534 65534", "65534 65534", "4242 4243 65534", "9" },
        { said.uid, said.gid, said.groups, said.pdeathsig })
      assert.same({ "nobody", "nobody", "/nonexistent" }, { said.env.USER, said.env.LOGNAME, said.env.HOME })
      assert.is_nil(said.env.SHELL)
      said = report [[user = 4321, group = 4322]]
      assert.same({ "4321 4321", "4322 4322", "" }, { said.uid, said.gid, said.groups })
      assert.is_nil(said.env.HOME)
    end)

    it("user gives the groups that id(1) tells", function()
      local pipe = assert(io.popen "id -G games; id -G daemon; id -G root")
      local expected = pipe:read "a"
      pipe:close()
      local function sorted(text)
        local list = {}
        for id in text:gmatch "%d+" do list[#list + 1] = tonumber(id) end
        table.sort(list)
        return list
      end
      local got = {}
      for i, user in ipairs { "games", "daemon", "root" } do
        got[i] = table.concat(sorted(report(("user = %q"):format(user)).groups), " ")
      end
      local wanted = {}
      for line in expected:gmatch "[^\n]+" do wanted[#wanted + 1] = table.concat(sorted(line), " ") end
      assert.same(wanted, got)
    end)

    it("group and groups alone change just those", function()
      local said = report [[group = 4322]]
      assert.same({ "0 0", "4322 4322", "" }, { said.uid, said.gid, said.groups })
      said = report [[groups = { 4323 }]]
      assert.same({ "0 0", "0 0", "4323" }, { said.uid, said.gid, said.groups })
    end)

    it("user reads an env_file that the user may not (read before privileges drop)", function()
      host.write(directory .. "/secret.env", "SECRET=1\n")
      uv.fs_chmod(directory .. "/secret.env", 384)
      assert.equal("1", report([[user = "nobody", env_file = "secret.env"]]).env.SECRET)
    end)

    it("negative nice and oom_score_adj are set before, and only there", function()
      local before = host.read "/proc/self/oom_score_adj"
      local hard = math.tointeger(select(2, account.limit "nofile"))
      local nice = account.may "sys_nice" and -4 or 4
      local score, nofile = 200, hard // 2
      if account.may "sys_resource" then score, nofile = -200, hard + 1 end
      local said = report(('user = "nobody", nice = %d, oom_score_adj = %d, limits = { nofile = %d }')
        :format(nice, score, nofile))
      assert.same({ tostring(nice), tostring(score), ("%d %d"):format(nofile, nofile) },
        { said.nice, said.oom_score, said.nofile })
      assert.equal(before, host.read "/proc/self/oom_score_adj")
    end)

    it("are refused to an ordinary user where they take root", function()
      refused('key "user": a host that runs as nobody may not start programs as user root', [[user = "root"]], true)
      refused('key "group": a host that runs as nobody may not start programs as group root', [[group = "root"]], true)
      refused('key "groups": a host that runs as nobody may not start programs as group 0', [[groups = { 0 }]], true)
      local own = math.tointeger(uv.os_getpriority(0))
      refused(("key \"nice\": %d is below the host's own %d, which takes CAP_SYS_NICE"):format(own - 1, own),
        ("nice = %d"):format(own - 1), true)
      local said = report([[user = "nobody", group = 65534]], { as_nobody = true })
      assert.same({ ("%d %d"):format(NOBODY, NOBODY), "nobody" }, { said.uid, said.env.USER })
    end)
  end

  it("success codes are no failure", function()
    host.write(directory .. "/tree.lua", [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "t", children = {
  luvisor.program { name = "p", command = "exit 3", shell = true, restart = "transient", success = { 0, 3 } } } }
]])
    local process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    assert.equal(0, (process:wait(10)), process:output())
  end)

  -- Says what check warns of a program that runs `file` as nobody, with these keys besides.
  local function warned(file, keys, as_root)
    host.write(directory .. "/tree.lua", ([[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "t", children = {
  luvisor.program { name = "p", command = { %q }, %s %s } } }
]]):format(file, IS_ROOT and not as_root and 'user = "nobody",' or "", keys or ""))
    local process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory })
    assert.equal(0, (process:wait(10)), process:output())
    return process:output():match "warning: (t/p[^\n]*)"
  end

  describe("that take on more than their user has, and forget to die with the host:", function()
    it("are told, once each, by check and at the start", function()
      assert.matches("^t/p: /usr/bin/su is setuid: the kernel does not kill it", warned "su")
      assert.matches("is setuid", warned "/bin/su")
      write_tree(([[stdout = "null" },
  luvisor.program { name = "q", command = "su --version", %s restart = "temporary"]]):format(
        IS_ROOT and 'user = "nobody",' or ""))
      local process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
      process:wait(10)
      assert.equal(1, process:count "warn  t/q /usr/bin/su is setuid")
    end)

    it("ordinary ones are not, nor what does not exist or gains nothing", function()
      assert.is_nil(warned "sh")
      assert.is_nil(warned "no-such-program")
      assert.is_nil(warned("su", "die_with_host = false,"))
      assert.is_nil(warned("su", "no_new_privs = true,"))
      if IS_ROOT then assert.is_nil(warned("su", nil, true)) end
      host.write(directory .. "/script", "#!/bin/sh\n")
      uv.fs_chmod(directory .. "/script", 2541) -- 04755
      assert.is_nil(warned(directory .. "/script"))
    end)

    local maybe = IS_ROOT and it or function(name) pending(name .. ": it takes root") end
    maybe("so are those that have capabilities", function()
      local file = directory .. "/able"
      assert(os.execute(("cp /bin/true %s"):format(file)))
      assert.is_nil(warned(file))
      assert(os.execute(([[python3 -c 'import os, struct
os.setxattr("%s", "security.capability", struct.pack("<5I", 0x02000001, 1 << 13, 0, 0, 0))']]):format(file)))
      assert.matches("able has capabilities", warned(file))
    end)
  end)
end)
