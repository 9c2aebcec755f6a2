local backoff = require "luvisor.core.backoff"

describe("backoff", function()
  local pace = { min = 0.1, max = 30, factor = 2, jitter = 0, reset_after = 60 }

  it("grows from min by factor up to max", function()
    local expected = { 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30 }
    for failures, delay in ipairs(expected) do
      assert.near(delay, backoff.delay(pace, failures), 1e-9)
    end
    assert.equal(30, backoff.delay(pace, 1e6))
    assert.near(0.1, backoff.delay(pace, 0), 1e-9)
  end)

  it("stays constant with factor 1, and is off with min 0", function()
    assert.equal(2, backoff.delay({ min = 2, max = 30, factor = 1, jitter = 0 }, 50))
    assert.equal(0, backoff.delay({ min = 0, max = 30, factor = 2, jitter = 0.5 }, 5000, math.random))
  end)

  it("moves by jitter, the same for the same random number, never out of min..max", function()
    local jittery = { min = 1, max = 8, factor = 2, jitter = 0.25 }
    local function at(failures, r) return backoff.delay(jittery, failures, function() return r end) end
    assert.near(1.5, at(2, 0), 1e-9)
    assert.near(2, at(2, 0.5), 1e-9)
    assert.near(2.5, at(2, 1), 1e-9)
    assert.near(1, at(1, 0), 1e-9)
    assert.near(1.25, at(1, 1), 1e-9)
    assert.near(6, at(9, 0), 1e-9)
    assert.near(8, at(9, 1), 1e-9)
    assert.equal(2, backoff.delay(jittery, 2))
  end)

  it("counts failures in a row since the last good run", function()
    local function run(ready, uptime) return { ready = ready, uptime = uptime } end
    local short, failed, good = run(true, 1), run(false, 0), run(true, 60)
    assert.equal(0, backoff.failures({}, 60))
    assert.equal(1, backoff.failures({ failed }, 60))
    assert.equal(3, backoff.failures({ failed, short, failed }, 60))
    assert.equal(1, backoff.failures({ failed, failed, good }, 60))
    assert.equal(2, backoff.failures({ failed, failed, good, short }, 60))
    assert.equal(2, backoff.failures({ failed, run(false, 1000) }, 60))
  end)

  it("fills what is not given", function()
    assert.same(backoff.defaults, backoff.fill {})
    local filled = backoff.fill({ min = 1 }, { min = 0.5, max = 7, factor = 3, jitter = 0, reset_after = 9 })
    assert.same({ min = 1, max = 7, factor = 3, jitter = 0, reset_after = 9 }, filled)
  end)

  it("lets the limit that was not given give way", function()
    assert.equal(100, backoff.fill({ min = 100 }).max)
    assert.equal(0.01, backoff.fill({ max = 0.01 }).min)
  end)

  local bad = {
    { { mn = 1 }, "mn", 'unknown key, did you mean "min"?' },
    { { [1] = 2 }, "1", "unknown key" },
    { { min = -1 }, "min", "expected a number >= 0, got -1" },
    { { max = 0 / 0 }, "max", "expected a number >= 0, got " .. tostring(0 / 0) },
    { { max = 1 / 0 }, "max", "expected a number >= 0, got inf" },
    { { factor = 0.5 }, "factor", "must be at least 1, got 0.5" },
    { { jitter = 2 }, "jitter", "must be at most 1, got 2" },
    { { reset_after = "x" }, "reset_after", "expected a number >= 0, got string" },
    { { min = 3, max = 2 }, "min", "is more than max" },
  }
  for _, case in ipairs(bad) do
    it("refuses a wrong " .. case[2] .. ": " .. case[3], function()
      local filled, message, code, key = backoff.fill(case[1])
      assert.is_nil(filled)
      assert.equal(case[3], message)
      assert.equal("EINVAL", code)
      assert.equal(case[2], key)
    end)
  end
end)
