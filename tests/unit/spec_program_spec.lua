local restart = require "luvisor.core.restart"
local spec = require "luvisor.core.spec"

local here = { file = "tree.lua", line = 12 }

local function program(def)
  def.name, def.command = def.name or "p", def.command or { "true" }
  return spec.program(def, here)
end

local function assert_refused(expected, value, message, code)
  assert.is_nil(value)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("spec.program", function()
  it("has its defaults", function()
    local p = assert(program {})
    assert.equal("program", p.kind)
    assert.same({ "true" }, p.command)
    assert.equal(restart.program.permanent, p.restart)
    assert.equal("permanent", p.restart_name)
    assert.is_false(p.restart_given)
    assert.same({ after = 1 }, p.ready)
    assert.same({ signal = "TERM" }, p.stop)
    assert.same({ 0 }, p.success)
    assert.equal("null", p.stdin)
    assert.equal("inherit", p.stdout)
    assert.equal("inherit", p.stderr)
    assert.is_false(p.shell)
    assert.is_false(p.clear_env)
  end)

  it("keeps what it is given", function()
    local p = assert(program {
      command = { "python3", "-u", 3 }, cwd = "/tmp", env = { A = "b", N = 1 }, clear_env = true, stdin = "inherit",
      stdout = { file = "out.log" }, stderr = "stdout", ready = { after = 0 },
      stop = { signal = "SIGINT", timeout = 3 }, success = { 0, 2 }, die_with_host = false, umask = "027",
      nice = -5, restart = "transient",
    })
    assert.same({ "python3", "-u", "3" }, p.command)
    assert.same({ A = "b", N = "1" }, p.env)
    assert.same({ file = "out.log", max_size = 50 * 1024 * 1024, keep = 10 }, p.stdout)
    assert.same({ after = 0 }, p.ready)
    assert.same({ signal = "INT" }, p.stop)
    assert.equal(3, p.shutdown)
    assert.equal(23, p.umask)
    assert.equal(restart.program.transient, p.restart)
    assert.is_false(p.die_with_host)
  end)

  it("keeps whom it is to run as, and with what", function()
    local p = assert(program {
      user = "web", group = 33, groups = { "adm", 4 }, env_file = { "a.env", "-b.env" }, argv0 = "-sh",
      limits = { nofile = 1024, core = { 0, "1GB" }, stack = "infinity", cpu = { 1, "infinity" } },
      oom_score_adj = -500, no_new_privs = true, stdin = { file = "in.txt" },
    })
    assert.same({ "web", 33, { "adm", 4 } }, { p.user, p.group, p.groups })
    assert.same({ { path = "a.env", optional = false }, { path = "b.env", optional = true } }, p.env_file)
    assert.same({ nofile = { 1024, 1024 }, core = { 0, 1 << 30 }, stack = { math.huge, math.huge },
      cpu = { 1, math.huge } }, p.limits)
    assert.same({ "-sh", -500, true, { file = "in.txt" } }, { p.argv0, p.oom_score_adj, p.no_new_privs, p.stdin })
    assert.same({ { path = "a.env", optional = false } }, assert(program { env_file = "a.env" }).env_file)
    assert.same({}, assert(program { limits = {} }).limits)
  end)

  it("splits a command string into words, and gives it to a shell only when asked", function()
    assert.same({ "echo", "a b", "$HOME", "50%" }, assert(program { command = "echo 'a b' $HOME 50%" }).command)
    assert.same({ "get", "|", "a|b", "u?a=1&b=2", ";" },
      assert(program { command = [[get '|' "a|b" u?a=1&b=2 \;]] }).command)
    assert.same({ "/bin/sh", "-c", "echo $HOME | cat" },
      assert(program { command = "echo $HOME | cat", shell = true }).command)
  end)

  it("takes signals in any form, output with a prefix, and backoff = false", function()
    for _, signal in ipairs { "TERM", "SIGTERM", "term", 15 } do
      assert.same({ signal = "TERM" }, assert(program { stop = { signal = signal } }).stop)
    end
    assert.same({ signal = "TERM" }, assert(program { stop = { timeout = 2 } }).stop)
    assert.same({ prefix = true }, assert(program { stdout = { prefix = true } }).stdout)
    assert.same({ prefix = "x | " }, assert(program { stdout = { prefix = "x | " } }).stdout)
    assert.same({ file = "x", max_size = 0, keep = 0, timestamp = true },
      assert(program { stdout = { file = "x", max_size = 0, keep = 0, timestamp = true } }).stdout)
    assert.same({ json = true }, assert(program { stdout = { json = true, prefix = false } }).stdout)
    assert.same({ file = "x", max_size = 50 << 20, keep = 10, max_age = 86400, gzip = true },
      assert(program { stdout = { file = "x", max_age = 86400, gzip = true } }).stdout)
    assert.same({ syslog = { path = "/dev/log", priority = 3 * 8 + 6 } },
      assert(program { stdout = { syslog = true } }).stdout)
    assert.same({ syslog = { path = "/s", priority = 16 * 8 + 3, ident = "web" } },
      assert(program { stdout = { syslog = { path = "/s", facility = "local0", level = "err", ident = "web" } } })
        .stdout)
    assert.equal(print, assert(program { stderr = print }).stderr)
    assert.is_false(assert(program { backoff = false }).backoff)
    assert.equal(7, assert(program { shutdown = 7 }).shutdown)
  end)

  local P = 'tree.lua:12: program "p": '
  local cases = {
    { { command = {} }, 'key "command": names no program' },
    { { command = { "" } }, 'key "command": names no program' },
    { { command = "''" }, 'key "command": names no program' },
    { { command = "" }, 'key "command": must not be empty' },
    { { command = "  " }, 'key "command": names no program' },
    { { command = "echo 'a" }, 'key "command": unbalanced single quote' },
    { { command = { "a", {} } }, 'key "command[2]": expected a string without NUL, got table' },
    { { command = { "a", "b\0" } }, 'key "command[2]": expected a string without NUL, got "b\0"' },
    { { command = { "a", nil, "c" } }, 'key "command": expected a list of strings, without holes and keys' },
    { { command = "a | b" }, 'key "command": | means something to a shell only: say shell = true, or quote it' },
    { { command = "a 2>&1" }, 'key "command": 2>&1 means something to a shell only: say shell = true, or quote it' },
    { { command = 3 }, 'key "command": expected a list of strings, got 3' },
    { { command = print }, 'key "command": a function of the index needs "count"' },
    { { argv0 = "" }, 'key "argv0": must not be empty' },
    { { user = "" }, 'key "user": expected a user, by name or id, got ""' },
    { { user = -1 }, 'key "user": expected a user, by name or id, got -1' },
    { { user = 4294967295 }, 'key "user": expected a user, by name or id, got 4294967295' },
    { { user = "a:b" }, 'key "user": expected a user, by name or id, got "a:b"' },
    { { group = true }, 'key "group": expected a group, by name or id, got boolean' },
    { { groups = "adm" }, 'key "groups": expected a list of groups, got "adm"' },
    { { groups = { "adm", 1.5 } }, 'key "groups[2]": expected a group, by name or id, got 1.5' },
    { { env_file = 3 }, 'key "env_file": expected a path or a list of paths, got 3' },
    { { env_file = "" }, 'key "env_file": must not be empty' },
    { { env_file = "-" }, 'key "env_file": names no file' },
    { { env_file = { "a", 3 } }, 'key "env_file[2]": expected a string, got 3' },
    { { limits = 1024 }, 'key "limits": expected { resource = limit }, got 1024' },
    { { limits = { nofiles = 1 } }, 'key "limits.nofiles": unknown resource, did you mean "nofile"?' },
    { { limits = { 1024 } }, 'key "limits.1": unknown resource' },
    { { limits = { nofile = -1 } }, 'key "limits.nofile": expected a whole number >= 0 or "infinity", got -1' },
    { { limits = { nofile = "1MB" } }, 'key "limits.nofile": expected a whole number >= 0 or "infinity", got "1MB"' },
    { { limits = { nofile = { 1 } } }, 'key "limits.nofile": expected a limit or { soft, hard }' },
    { { limits = { nofile = { soft = 1, hard = 2 } } }, 'key "limits.nofile": expected a limit or { soft, hard }' },
    { { limits = { nofile = { 2, 1 } } }, 'key "limits.nofile": the soft limit is above the hard one' },
    { { limits = { cpu = { 1, true } } },
      'key "limits.cpu[2]": expected whole seconds or "infinity", got boolean' },
    { { limits = { core = "big" } },
      'key "limits.core": expected a size (bytes or text such as "64MB") or "infinity", got "big"' },
    { { oom_score_adj = 1001 }, 'key "oom_score_adj": expected a whole number from -1000 to 1000, got 1001' },
    { { no_new_privs = 1 }, 'key "no_new_privs": expected true or false, got 1' },
    { { clear_env = "yes" }, 'key "clear_env": expected true or false, got "yes"' },
    { { die_with_host = 1 }, 'key "die_with_host": expected true or false, got 1' },
    { { stdin = { path = "x" } }, 'key "stdin.path": unknown key' },
    { { stdin = {} }, 'key "stdin": expected { file = path }' },
    { { stdin = { file = "" } }, 'key "stdin.file": must not be empty' },
    { { command = { "a" }, shell = true }, 'key "shell": needs the command as one string' },
    { { env = { "A=b" } }, 'key "env[1]": expected NAME = "value"' },
    { { env = { ["A=B"] = "c" } }, 'key "env[A=B]": expected NAME = "value"' },
    { { env = { A = true } }, 'key "env.A": expected a string without NUL, got boolean' },
    { { env = "A=b" }, 'key "env": expected { NAME = "value" }, got "A=b"' },
    { { cwd = "" }, 'key "cwd": must not be empty' },
    { { stdin = "stdout" }, 'key "stdin": unknown value "stdout", expected one of "null", "inherit"' },
    { { stdout = "stdout" }, 'key "stdout": unknown value "stdout", expected one of "inherit", "null"' },
    { { stdout = 5 }, 'key "stdout": expected a table such as { file = path }, a name or a function, got 5' },
    { { stdout = "nul" }, 'key "stdout": unknown value "nul", did you mean "null"?' },
    { { stdout = { fil = "x" } }, 'key "stdout.fil": unknown key, did you mean "file"?' },
    { { stdout = {} }, 'key "stdout": expected { file = path }, { prefix = true } or { syslog = true }' },
    { { stdout = { file = "x", gzip = true, keep = 0 } },
      'key "stdout.gzip": nothing is kept that could be compressed' },
    { { stdout = { prefix = true, max_age = 3 } }, 'key "stdout.max_age": needs a file' },
    { { stdout = { syslog = true, file = "x" } }, 'key "stdout.file": not together with syslog' },
    { { stdout = { syslog = { facility = "demon" } } },
      'key "stdout.syslog.facility": unknown value "demon", did you mean "daemon"?' },
    { { stdout = { syslog = { ident = "a b" } } },
      'key "stdout.syslog.ident": expected up to 64 of letters, digits, "_", ".", "@", "/", "-", got "a b"' },
    { { stderr = { file = "x", max_size = 1 } },
      'key "stderr.max_size": expected 0 or a size from 4096 bytes on, such as "50MB", got 1' },
    { { stdout = { file = "x", keep = -1 } }, 'key "stdout.keep": expected a whole number from 0 to 1000, got -1' },
    { { stdout = { prefix = true, keep = 1 } }, 'key "stdout.keep": needs a file' },
    { { stdout = { prefix = true, json = true } }, 'key "stdout.prefix": a JSON line has its unit in it' },
    { { stdout = { file = "x", timestamp = 1 } }, 'key "stdout.timestamp": expected true or false, got 1' },
    { { ready = { after = -1 } }, 'key "ready.after": expected seconds >= 0, got -1' },
    { { ready = 1 }, 'key "ready": expected a table, got 1' },
    { { stop = { signal = "TREM" } }, 'key "stop.signal": unknown signal TREM' },
    { { stop = { timeout = 0 / 0 } },
      'key "stop.timeout": expected seconds, "kill" or "infinity", got ' .. tostring(0 / 0) },
    { { stop = { command = "" } }, 'key "stop.command": names no program' },
    { { reload = {} }, 'key "reload": expected one of signal and command' },
    { { reload = { signal = "HUP", command = "x" } }, 'key "reload": expected one of signal and command' },
    { { reload = { signal = "HUP", timeout = 1 } }, 'key "reload.timeout": is for a command' },
    { { reload = { signal = "HPU" } }, 'key "reload.signal": unknown signal HPU' },
    { { before = { strat = print } }, 'key "before.strat": unknown key, did you mean "start"?' },
    { { before = { start = 1 } }, 'key "before.start": expected a function or { fn = function }, got 1' },
    { { before = { start = {} } }, 'key "before.start.fn": missing' },
    { { before = { stop = { fn = print, on_failure = "abort" } } },
      'key "before.stop.on_failure": only "ignore": what ends cannot be held up' },
    { { after = { stpo = print } }, 'key "after.stpo": expected a hook (start, stop, fail)' },
    { { after = { fail = { fn = print, timeout = 0 } } }, 'key "after.fail.timeout": expected seconds > 0, got 0' },
    { { stop = { timeout = 1 }, shutdown = 1 },
      'key "shutdown": stop.timeout says the same, give one of them' },
    { { success = { 256 } }, 'key "success[1]": expected a whole number from 0 to 255, got 256' },
    { { success = 0 }, 'key "success": expected a list of exit codes, got 0' },
    { { umask = "888" }, 'key "umask": expected octal text, a mask such as "027", got "888"' },
    { { umask = 027 }, 'key "umask": expected octal text, a mask such as "027", got 27' },
    { { stdout = "/var/log/x" }, 'key "stdout": a file is { file = "/var/log/x" }' },
    { { stop = "INT" }, 'key "stop": expected a table { command =, signal =, timeout = }, got "INT"' },
    { { autorestart = true }, 'key "autorestart": unknown key, here it is restart' },
    { { stopsignal = "INT" }, 'key "stopsignal": unknown key, here it is stop = { signal = }' },
    { { nice = 20 }, 'key "nice": expected a whole number from -20 to 19, got 20' },
    { { nice = 1.5 }, 'key "nice": expected a whole number from -20 to 19, got 1.5' },
    { { module = "x" }, 'key "module": unknown key' },
    { { comand = { "x" } }, 'key "comand": unknown key, did you mean "command"?' },
  }
  for _, case in ipairs(cases) do
    it("refuses: " .. case[2], function() assert_refused(P .. case[2], program(case[1])) end)
  end

  it("tells hooks from conditions, and takes both from `after`", function()
    local p = assert(program { before = { start = print }, after = { fail = { fn = print, timeout = 2 }, db = "ready" },
      reload = { command = "kick it" } })
    assert.same({ db = "ready" }, p.after)
    assert.is_nil(p.before)
    assert.same({
      ["before start"] = { text = "before start", fn = print, timeout = 10, on_failure = "abort" },
      ["after fail"] = { text = "after fail", fn = print, timeout = 2, on_failure = "ignore" },
    }, p.hooks)
    assert.same({ command = { kind = "exec", command = { "kick", "it" }, text = "exec kick" }, timeout = 10 }, p.reload)
    assert.is_nil(assert(program { after = { stop = print } }).after)
    assert.is_nil(assert(program { after = { stop = "ready" } }).hooks)
  end)

  it("wants a command", function()
    assert_refused(P .. 'key "command": missing', spec.program({ name = "p" }, here))
  end)
end)
