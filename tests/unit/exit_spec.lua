local exit = require "luvisor.core.exit"
local signals = require "luvisor.core.signals"

describe("exit", function()
  local cases = {
    { { kind = "normal" }, "normal" },
    { { kind = "normal", code = 0 }, "exit 0" },
    { { kind = "shutdown" }, "shutdown" },
    { { kind = "error", message = "boom" }, "error: boom" },
    { { kind = "error", message = "boom\n\tin a\nin b" }, "error: boom in a in b" },
    { { kind = "error" }, "error" },
    { { kind = "exit", code = 1 }, "exit 1" },
    { { kind = "exit", code = 127 }, "exit 127" },
    { { kind = "exit", code = 3, message = "no such host" }, "exit 3: no such host" },
    { { kind = "signal", signal = 9 }, "signal 9 (SIGKILL)" },
    { { kind = "signal", signal = "TERM" }, "signal 15 (SIGTERM)" },
    { { kind = "signal", signal = 11, core = true }, "signal 11 (SIGSEGV, core dumped)" },
    { { kind = "signal", signal = 99 }, "signal 99 (unknown)" },
    { { kind = "timeout", deadline = "heartbeat", seconds = 2, state = "running" },
      "timeout: heartbeat 2 s in running" },
    { { kind = "timeout", deadline = "transition", seconds = 0.5, state = "idle -> starting" },
      "timeout: transition 500 ms in idle -> starting" },
    { { kind = "timeout", deadline = "stop" }, "timeout: stop" },
    { { kind = "timeout", message = "health check" }, "timeout: health check" },
    { { kind = "timeout" }, "timeout" },
    { { kind = "memory", message = "limit 64 MB" }, "memory: limit 64 MB" },
    { { kind = "killed" }, "killed" },
    { { kind = "abandoned", message = "blocked in C" }, "abandoned: blocked in C" },
    { { kind = "spawn", message = "execve: No such file or directory: NAME" },
      "execve: No such file or directory: NAME" },
  }
  for _, case in ipairs(cases) do
    it("reads: " .. case[2], function() assert.equal(case[2], tostring(exit.new(case[1]))) end)
  end

  it("is always one line of bounded length (format_log_1, format_log_2)", function()
    local text = tostring(exit.new { kind = "error", message = ("x\r\n"):rep(10000) })
    assert.is_nil(text:find("\n"))
    assert.is_true(#text < 500)
  end)

  it("is the given table, with further fields kept", function()
    local fields = { kind = "error", message = "max restarts", child = "a", traceback = "t" }
    local value = exit.new(fields)
    assert.equal(fields, value)
    assert.equal("a", value.child)
    assert.is_true(exit.is(value))
    assert.is_false(exit.is { kind = "error" })
    assert.is_false(exit.is(nil))
  end)

  it("is normal for normal and shutdown only", function()
    for _, kind in ipairs(exit.kinds) do
      local value = exit.new { kind = kind, signal = kind == "signal" and 15 or nil }
      assert.equal(kind == "normal" or kind == "shutdown", exit.is_normal(value), kind)
    end
  end)

  it("refuses what the caller must not do", function()
    assert.error(function() exit.new { kind = "crash" } end, "unknown kind of exit: crash")
    assert.error(function() exit.new { kind = "signal" } end, "an exit by signal needs the signal")
    assert.error(function() exit.new { kind = "signal", signal = "FOO" } end, "unknown signal: FOO")
  end)

  it("knows the signals both ways", function()
    assert.equal("SIGKILL", signals.name(9))
    assert.equal("SIGRTMIN+2", signals.name(36))
    assert.is_nil(signals.name(0))
    for _, name in ipairs { 15, "TERM", "SIGTERM", "term", "sigterm" } do
      assert.equal(15, (signals.number(name)))
    end
    for _, bad in ipairs { "SIG", "FOO", "", 0, 65, 1.5 } do
      local number, message, code = signals.number(bad)
      assert.is_nil(number)
      assert.equal("unknown signal " .. tostring(bad), message)
      assert.equal("EINVAL", code)
    end
    for number = 1, 31 do
      assert.equal(number, signals.number(signals.name(number)))
    end
  end)

  it("of all that were asked to stop is one, which nobody can change", function()
    local other = exit.new { kind = "shutdown" }
    other.mine = true
    assert.is_true(other.mine) -- the control: one of its own
    for _, key in ipairs { "mine", "kind", "message" } do
      assert.has_error(function() exit.shutdown[key] = "mine" end,
        "this exit is that of all that were asked to stop, and cannot be changed")
    end
    assert.equal("shutdown", exit.shutdown.kind)
    assert.equal("shutdown", tostring(exit.shutdown))
    assert.is_nil(exit.shutdown.message)
    local copy = exit.unpack(exit.pack(exit.shutdown))
    assert.equal("shutdown", copy.kind)
    assert.is_true(exit.is_normal(copy))
  end)
end)
