-- SPDX-License-Identifier: Apache-2.0

local Program = require "luvisor.machine.program"
local fake_env = require "fake_env"
local fake_process = require "fake_process"
local unit = require "luvisor.machine.unit"

local function new_env()
  return fake_env.new { process = fake_process.new(), lineage = "host" }
end

local function new_parent()
  local parent = { told = {} }
  function parent:child_ready() table.insert(self.told, "ready") end
  function parent:child_ended(_, why) table.insert(self.told, "ended"); self.exit = why end
  function parent:child_stopped(_, why) table.insert(self.told, "stopped"); self.exit = why end
  return parent
end

local function start(spec)
  spec.name, spec.kind = "web", "program"
  spec.command = spec.command or { "web", "--port", "80" }
  local env, parent = new_env(), new_parent()
  local self = unit.new(Program, env, spec, parent)
  unit.start(self)
  return self, env, parent, env.process.spawned[1]
end

describe("a program", function()
  describe("starting", function()
    it("is ready when it has been up for a second", function()
      local self, env, parent, child = start {}
      assert.same({ "STARTING", child:pid() }, { self:describe() })
      env.advance(0.9)
      assert.same({}, parent.told)
      env.advance(0.2)
      assert.same({ "ready" }, parent.told)
      assert.equal("RUNNING", (self:describe()))
      assert.same({ "STOPPED -> STARTING", "STARTING -> RUNNING" }, env.events)
    end)

    it("is ready at once with after = 0, though not before launch returns", function()
      local _, env, parent = start { ready = { after = 0 } }
      assert.same({}, parent.told)
      env.advance(0)
      assert.same({ "ready" }, parent.told)
    end)

    it("ends with its own exit when that comes first", function()
      local self, env, parent, child = start {}
      child:dies(3)
      assert.same({ "ended" }, parent.told)
      assert.equal("exit 3", tostring(parent.exit))
      assert.is_true(child.closed)
      env.advance(60)
      assert.same({ "ended" }, parent.told)
      assert.same({}, env.timers)
      assert.equal("EXITED", (self:describe()))
    end)

    it("is killed when it is not ready within start_timeout", function()
      local _, env, parent, child = start { ready = { after = 5 }, start_timeout = 2 }
      env.advance(2.1)
      assert.same({ "KILL" }, child.sent)
      child:dies(nil, 9)
      assert.same({ "ended" }, parent.told)
      assert.same({ "timeout", "start", 2 }, { parent.exit.kind, parent.exit.deadline, parent.exit.seconds })
    end)

    it("passes its attributes on", function()
      local _, _, _, child = start {
        cwd = "/srv", umask = 18, nice = 5, stdin = "null", stdout = { prefix = true }, stderr = "stdout",
        die_with_host = false,
      }
      local options = child.options
      assert.same({ "web", "--port", "80" }, options.command)
      assert.same({ "/srv", 18, 5, "null", "stdout", false },
        { options.cwd, options.umask, options.nice, options.stdin, options.stderr, options.die_with_host })
      assert.same({ prefix = "web | " }, options.stdout)
    end)

    it("becomes whom it was prepared to be", function()
      local limits = { nofile = { 1, 2 } }
      local _, _, _, child = start {
        identity = { uid = 33, gid = 34, groups = { 34, 50 } }, limits = limits, oom_score_adj = -5, argv0 = "-web",
        no_new_privs = true, stdin = { file = "in" }, clear_env = true, variables = { A = "1", HOME = false },
      }
      local options = child.options
      assert.same({ 33, 34, { 34, 50 }, limits, "-5", "-web", true, { file = "in" } },
        { options.uid, options.gid, options.groups, options.limits, options.oom_score, options.argv0,
          options.no_new_privs, options.stdin })
      assert.same({ "LUVISOR_UNIT=web/1@host", "A=1" }, options.env)
    end)

    it("stays as the host is when nothing else was asked for", function()
      local options = select(4, start {}).options
      for _, key in ipairs { "uid", "gid", "groups", "limits", "oom_score", "argv0", "no_new_privs" } do
        assert.is_nil(options[key])
      end
    end)
  end)

  describe("that cannot be launched", function()
    local function fail_with(message, code)
      local env, parent = new_env(), new_parent()
      env.process.failure = { message, code, "execve" }
      local self = unit.new(Program, env, { name = "web", kind = "program", command = { "web" } }, parent)
      unit.start(self)
      assert.same({}, parent.told)
      env.advance(0)
      assert.same({ "ended" }, parent.told)
      return parent.exit
    end

    it("says so in the launcher's words, from the loop", function()
      local why = fail_with("execve: No such file or directory: web", "ENOENT")
      assert.equal("spawn", why.kind)
      assert.equal("execve: No such file or directory: web", tostring(why))
      assert.is_nil(why.permanent or why.passing)
    end)

    it("tells what will not pass from what will", function()
      for _, code in ipairs { "EACCES", "ENOEXEC", "EPERM", "ELOOP" } do
        assert.is_true(fail_with("execve: whatever", code).permanent)
      end
      for _, code in ipairs { "EAGAIN", "ENOMEM", "EMFILE", "ENFILE", "ETXTBSY" } do
        assert.is_true(fail_with("clone: whatever", code).passing)
      end
    end)

    it("reports nothing twice when it is stopped meanwhile", function()
      local env, parent = new_env(), new_parent()
      env.process.failure = { "clone: Too many open files", "EMFILE", "clone" }
      local self = unit.new(Program, env, { name = "web", kind = "program", command = { "web" } }, parent)
      unit.start(self)
      unit.ask_to_stop(self)
      unit.ask_to_kill(self)
      env.advance(10)
      assert.same({ "stopped" }, parent.told)
    end)
  end)

  describe("ending by itself", function()
    local function ends_with(spec, ...)
      local _, env, parent, child = start(spec)
      env.advance(2)
      child:dies(...)
      return parent.exit
    end

    it("tells success, failure, signal and core apart", function()
      assert.equal("normal", ends_with({}, 0).kind)
      assert.same({ "exit", 1 }, { ends_with({}, 1).kind, ends_with({}, 1).code })
      assert.equal("normal", ends_with({ success = { 0, 3 } }, 3).kind)
      assert.equal("exit", ends_with({ success = { 3 } }, 0).kind)
      assert.equal("exit 127", tostring(ends_with({}, 127)))
      local why = ends_with({}, nil, 11, true)
      assert.same({ "signal", 11, true }, { why.kind, why.signal, why.core })
    end)

    it("with an unknown status has failed", function()
      assert.equal("exit", ends_with({}, nil, nil).kind)
    end)

    it("is not over while others of its group live", function()
      local self, env, parent, child = start {}
      env.advance(2)
      child:ends(1)
      assert.same({ "TERM", "CONT" }, child.sent)
      assert.same({ "ready" }, parent.told)
      env.advance(9.9)
      assert.same({ "STOPPING", child:pid() }, { self:describe() })
      assert.same({ "TERM", "CONT" }, child.sent)
      env.advance(0.2)
      assert.same({ "TERM", "CONT", "KILL" }, child.sent)
      assert.same({ "ready" }, parent.told)
      child:empties()
      assert.same({ "ready", "ended" }, parent.told)
      assert.equal("exit 1", tostring(parent.exit)) -- not what its leftovers died of
    end)
  end)

  describe("being stopped", function()
    it("gets its signal, CONT, and is shut down whatever code it ends with", function()
      local self, env, parent, child = start { stop = { signal = "INT" } }
      env.advance(2)
      unit.ask_to_stop(self)
      assert.same({ "INT", "CONT" }, child.sent)
      assert.equal("STOPPING", (self:describe()))
      env.advance(5)
      assert.same({ "ready" }, parent.told)
      child:dies(1)
      assert.same({ "ready", "stopped" }, parent.told)
      assert.same({ "shutdown", 1 }, { parent.exit.kind, parent.exit.code })
      assert.same({}, env.timers)
    end)

    it("is not stopped while a member of its group lives", function()
      local self, env, parent, child = start { shutdown = 3 }
      env.advance(2)
      unit.ask_to_stop(self)
      env.advance(1)
      child:ends(0)
      assert.same({ "TERM", "CONT", "TERM", "CONT" }, child.sent)
      env.advance(1.9)
      assert.equal(4, #child.sent)
      env.advance(0.2) -- 3 s from the stop, not from the leader's end
      assert.equal("KILL", child.sent[5])
      assert.same({ "ready" }, parent.told)
      child:empties()
      assert.same({ "ready", "stopped" }, parent.told)
      assert.equal("killed", parent.exit.kind)
    end)

    it("is killed when its time is over", function()
      local self, env, parent, child = start { shutdown = 0.5 }
      unit.ask_to_stop(self)
      env.advance(0.6)
      assert.same({ "TERM", "CONT", "KILL" }, child.sent)
      child:dies(nil, 9)
      assert.same({ "stopped" }, parent.told)
      assert.equal("killed", parent.exit.kind)
    end)

    it("is killed at once with shutdown = kill", function()
      local self, _, _, child = start { shutdown = "kill" }
      unit.ask_to_stop(self)
      assert.same({ "KILL" }, child.sent)
    end)

    it("has all the time in the world with shutdown = infinity", function()
      local self, env, _, child = start { shutdown = "infinity" }
      unit.ask_to_stop(self)
      env.advance(1e6)
      assert.same({ "TERM", "CONT" }, child.sent)
    end)

    it("is asked once and killed again", function()
      local self, env, parent, child = start {}
      unit.ask_to_stop(self)
      self:stop()
      assert.same({ "TERM", "CONT" }, child.sent)
      unit.ask_to_kill(self)
      assert.same({ "TERM", "CONT", "KILL" }, child.sent)
      env.advance(2.1)
      assert.same({ "STOPPING (stuck)", child:pid() }, { self:describe() })
      assert.truthy(env.logged[#env.logged]:find("error still alive 2 s after SIGKILL: 100", 1, true))
      self:kill()
      env.advance(1000)
      assert.same({}, parent.told) -- never claimed gone
      child:dies(nil, 9)
      assert.same({ "stopped" }, parent.told)
    end)

    it("while starting never becomes ready", function()
      local self, env, parent = start { shutdown = "infinity" }
      unit.ask_to_stop(self)
      env.advance(10)
      assert.same({}, parent.told)
    end)
  end)

  it("of an older generation is not heard", function()
    local self, env, parent, first = start {}
    first:dies(1)
    unit.start(self)
    env.advance(2)
    first.options.on_exit(0)
    assert.same({ "ended", "ready" }, parent.told)
    assert.equal("RUNNING", (self:describe()))
    assert.equal(101, select(2, self:describe()))
  end)
end)

describe("a program's environment", function()
  local function built(spec, host)
    local env = new_env()
    env.process.host_environment = host
    spec.name, spec.kind, spec.command = "web", "program", { "web" }
    local self = unit.new(Program, env, spec, { spec = { name = "etl" }, name = "etl" })
    unit.start(self)
    return env.process.spawned[1].options.env
  end

  it("is the host's with what the unit adds and takes out, and a mark", function()
    assert.same({ "LUVISOR_UNIT=etl/web/1@host", "PATH=/bin", "A==1", "LANG=de" },
      built({ env = { LANG = "de", TERM = false } }, { "PATH=/bin", "LANG=C", "TERM=xterm", "A==1" }))
  end)

  it("has nothing of what a service manager told the host", function()
    assert.same({ "LUVISOR_UNIT=etl/web/1@host", "LISTEN_ADDRESS=x" },
      built({}, { "NOTIFY_SOCKET=@n", "LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=a", "WATCHDOG_USEC=1",
        "WATCHDOG_PID=1", "LISTEN_ADDRESS=x", "LUVISOR_UNIT=outer" }))
  end)

  it("is the unit's own with clear_env", function()
    assert.same({ "LUVISOR_UNIT=etl/web/1@host", "B=2" },
      built({ clear_env = true, env = { B = "2" } }, { "PATH=/bin" }))
  end)
end)
