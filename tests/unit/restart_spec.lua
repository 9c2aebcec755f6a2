local exit = require "luvisor.core.exit"
local restart = require "luvisor.core.restart"

local normal = exit.new { kind = "normal" }
local shutdown = exit.new { kind = "shutdown" }
local failed = exit.new { kind = "error", message = "boom" }

local function code(n) return exit.new { kind = "exit", code = n } end
local function signal(name) return exit.new { kind = "signal", signal = name } end
local function timeout(deadline) return exit.new { kind = "timeout", deadline = deadline } end

local function history(failed_starts, runs)
  local h = runs or {}
  h.failed_starts = failed_starts
  return h
end

local function decide(policy, why, h, now)
  return policy(why, h or history(0), now or 0)
end

describe("restart", function()
  it("types decide as OTP's table says", function()
    local abnormal = { failed, code(1), signal "KILL", timeout "heartbeat", exit.new { kind = "killed" },
      exit.new { kind = "memory" }, exit.new { kind = "abandoned" }, exit.new { kind = "spawn" } }
    for _, why in ipairs { normal, shutdown } do
      assert.equal("restart", decide(restart.permanent, why))
      assert.equal("stop", decide(restart.transient, why))
      assert.equal("stop", decide(restart.temporary, why))
    end
    for _, why in ipairs(abnormal) do
      assert.equal("restart", decide(restart.permanent, why))
      assert.equal("restart", decide(restart.transient, why))
      assert.equal("stop", decide(restart.temporary, why))
    end
  end)

  it("follows systemd's table", function()
    local causes = {
      clean = { normal, shutdown, signal "TERM", signal "HUP", signal "INT", signal "PIPE" },
      code = { code(1), failed, exit.new { kind = "spawn" } },
      signal = { signal "SEGV", signal "KILL", exit.new { kind = "memory" } },
      timeout = { timeout "start", timeout "stop", timeout "state" },
      watchdog = { timeout "watchdog", timeout "heartbeat" },
    }
    local table_of = {
      never = {},
      always = { clean = true, code = true, signal = true, timeout = true, watchdog = true },
      on_success = { clean = true },
      on_failure = { code = true, signal = true, timeout = true, watchdog = true },
      on_abnormal = { signal = true, timeout = true, watchdog = true },
      on_abort = { signal = true },
      on_watchdog = { watchdog = true },
    }
    for name, row in pairs(table_of) do
      local policy = name:find "^on_" and restart[name]() or restart[name]
      for cause, exits in pairs(causes) do
        for _, why in ipairs(exits) do
          assert.equal(row[cause] and "restart" or "stop", decide(policy, why), name .. " " .. tostring(why))
        end
      end
    end
  end)

  it("on_... ask an inner policy, and restart if it has no opinion", function()
    local policy = restart.on_failure(restart.retries(2))
    assert.equal("restart", decide(policy, failed, history(2)))
    assert.equal("give_up", decide(policy, failed, history(3)))
    assert.equal("stop", decide(policy, normal, history(9)))
    local paced = restart.on_failure(function() return "restart", 3 end)
    assert.same({ "restart", 3 }, { decide(paced, failed) })
    assert.error(function() restart.on_failure(3) end, "on_failure: expected a policy, got number")
  end)

  describe("retries", function()
    it("gives up after n retries of a start that failed", function()
      local policy = restart.retries(3)
      for n = 0, 3 do assert.is_nil(decide(policy, failed, history(n))) end
      assert.equal("give_up", decide(policy, failed, history(4)))
      assert.equal("give_up", decide(restart.retries(0), failed, history(1)))
    end)

    it("counts only those within a time", function()
      local policy = restart.retries(1, 10)
      local runs = { { ready = false, at = 100 }, { ready = false, at = 105 }, { ready = false, at = 112 } }
      assert.equal("give_up", decide(policy, failed, history(3, runs), 112))
      assert.is_nil(decide(policy, failed, history(3, runs), 115))
      runs[2].ready = true
      assert.is_nil(decide(policy, failed, history(3, runs), 112))
    end)

    it("refuses wrong arguments", function()
      assert.error(function() restart.retries() end)
      assert.error(function() restart.retries(-1) end)
      assert.error(function() restart.retries(1.5) end)
      assert.error(function() restart.retries(1, "x") end)
    end)
  end)

  it("backoff delays from failure to failure", function()
    local policy = restart.backoff({ min = 1, max = 8, jitter = 0, reset_after = 5 })
    local runs = {}
    for _, delay in ipairs { 1, 2, 4, 8, 8 } do
      runs[#runs + 1] = { ready = false, uptime = 0 }
      assert.same({ "restart", delay }, { decide(policy, failed, history(0, runs)) })
    end
    runs[#runs + 1] = { ready = true, uptime = 6 }
    assert.same({ "restart", 1 }, { decide(policy, failed, history(0, runs)) })
  end)

  it("backoff takes its randomness as an argument", function()
    local policy = restart.backoff({ min = 1, max = 10, jitter = 0.5 }, function() return 1 end)
    assert.same({ "restart", 1.5 }, { decide(policy, failed, history(0, { { uptime = 0 } })) })
    assert.error(function() restart.backoff { mn = 1 } end, 'backoff: mn: unknown key, did you mean "min"?')
  end)

  it("exit_codes decides by code, and only then", function()
    local policy = restart.exit_codes { [0] = "stop", [2] = "give_up", [3] = restart.retries(0), [4] = "escalate" }
    assert.equal("stop", decide(policy, exit.new { kind = "normal", code = 0 }))
    assert.equal("give_up", decide(policy, code(2)))
    assert.equal("give_up", decide(policy, code(3), history(1)))
    assert.is_nil(decide(policy, code(3)))
    assert.equal("escalate", decide(policy, code(4)))
    assert.is_nil(decide(policy, code(9)))
    assert.is_nil(decide(policy, failed))
    assert.is_nil(decide(policy, signal "TERM"))
    assert.error(function() restart.exit_codes { [300] = "stop" } end, "exit_codes: 300 is not an exit code")
    assert.error(function() restart.exit_codes { x = "stop" } end, "exit_codes: x is not an exit code")
    assert.error(function() restart.exit_codes { [1] = "giveup" } end,
      'exit_codes[1]: unknown decision giveup, did you mean "give_up"?')
  end)

  it("exit_signals decides by signal", function()
    local policy = restart.exit_signals { SEGV = "give_up", [9] = "stop", SIGABRT = restart.never }
    assert.equal("give_up", decide(policy, signal "SEGV"))
    assert.equal("stop", decide(policy, signal "KILL"))
    assert.equal("stop", decide(policy, signal(6)))
    assert.is_nil(decide(policy, signal "TERM"))
    assert.is_nil(decide(policy, code(9)))
    assert.error(function() restart.exit_signals { FOO = "stop" } end, "exit_signals: unknown signal FOO")
  end)

  it("first takes the first opinion", function()
    local policy = restart.first(restart.exit_codes { [2] = "give_up" }, restart.retries(3), restart.transient)
    assert.equal("give_up", decide(policy, code(2)))
    assert.equal("give_up", decide(policy, code(1), history(4)))
    assert.equal("restart", decide(policy, code(1)))
    assert.equal("stop", decide(policy, normal))
    assert.is_nil(decide(restart.first(), normal))
    assert.error(function() restart.first(restart.permanent, nil) end, "first: argument 2: expected a policy, got nil")
    assert.error(function() restart.first("permanent") end, "first: argument 1: expected a policy, got string")
  end)

  it("programs give up after three retries of a start, and restart for ever once they were ready", function()
    local policy = restart.program.permanent
    for n = 0, 3 do assert.equal("restart", decide(policy, code(1), history(n))) end
    assert.equal("give_up", decide(policy, code(1), history(4)))
    assert.equal("restart", decide(policy, normal))
    assert.equal("stop", decide(restart.program.transient, normal))
    assert.equal("stop", decide(restart.program.temporary, code(1)))
  end)

  describe("of", function()
    it("takes names and policies", function()
      assert.equal(restart.transient, restart.of "transient")
      assert.equal(print, restart.of(print))
      assert.equal(restart.always, restart.of(restart.always))
    end)

    local bad = {
      { "permanant", 'unknown value "permanant", did you mean "permanent"?' },
      { 3, "expected a restart type or a policy, got number" },
      { restart.on_failure, "restart.on_failure makes a policy, call it" },
      { restart.retries, "restart.retries makes a policy, call it" },
    }
    for _, case in ipairs(bad) do
      it("refuses: " .. case[2], function()
        local policy, message, errcode = restart.of(case[1])
        assert.is_nil(policy)
        assert.equal(case[2], message)
        assert.equal("EINVAL", errcode)
      end)
    end
  end)

  describe("check", function()
    it("passes what a policy may answer", function()
      for _, decision in ipairs(restart.decisions) do assert.equal(decision, restart.check(decision)) end
      assert.same({ "restart", 0.5 }, { restart.check("restart", 0.5) })
      assert.equal("restart", restart.check(nil))
    end)

    local bad = {
      { "giveup", nil, 'policy returned "giveup", did you mean "give_up"?' },
      { true, nil, "policy returned boolean" },
      { print, nil, "policy returned function" },
      { "stop", 3, 'policy returned "stop" with the delay 3' },
      { "restart", -1, 'policy returned "restart" with the delay -1' },
      { "restart", 1 / 0, 'policy returned "restart" with the delay inf' },
      { "restart", "1", 'policy returned "restart" with the delay 1' },
    }
    for _, case in ipairs(bad) do
      it("refuses: " .. case[3], function()
        local decision, message, errcode = restart.check(case[1], case[2])
        assert.is_nil(decision)
        assert.equal(case[3], message)
        assert.equal("EINVAL", errcode)
      end)
    end
  end)
end)
