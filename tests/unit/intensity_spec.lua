local intensity = require "luvisor.core.intensity"

-- The plain way: remember every hit.
local function naive(limits)
  local times = {}
  return function(now)
    times[#times + 1] = now
    local count = 0
    for _, at in ipairs(times) do
      if now - at < limits.within then count = count + 1 end
    end
    return count <= limits.restarts, math.min(count, limits.restarts + 1)
  end
end

describe("intensity", function()
  it("allows so many restarts within the window and no more", function()
    local window = intensity.new { restarts = 3, within = 5 }
    assert.is_true(window:hit(100))
    assert.is_true(window:hit(100))
    assert.is_true(window:hit(101))
    assert.is_false(window:hit(102))
    assert.equal(4, window:count(102))
  end)

  it("allows none when restarts is 0", function()
    local window = intensity.new { restarts = 0, within = 5 }
    assert.is_false(window:hit(0))
    assert.is_false(window:hit(100))
  end)

  it("is half-open: exactly the period apart survives, a millisecond less does not", function()
    local window = intensity.new { restarts = 1, within = 1 }
    for i = 0, 20 do assert.is_true(window:hit(i * 1.0)) end
    window:clear()
    assert.is_true(window:hit(0))
    assert.is_false(window:hit(0.999))
  end)

  it("does not fail where integer seconds did: intensity 1, period 1, deaths 1.35 s apart", function()
    local window = intensity.new { restarts = 1, within = 1 }
    for i = 0, 50 do assert.is_true(window:hit(0.4 + i * 1.35)) end
  end)

  it("is no lifetime quota: a crash each hour survives, four in five seconds do not", function()
    local window = intensity.new { restarts = 3, within = 5 }
    for hour = 1, 100 do assert.is_true(window:hit(hour * 3600)) end
    local now = 101 * 3600
    assert.is_true(window:hit(now))
    assert.is_true(window:hit(now + 1))
    assert.is_true(window:hit(now + 2))
    assert.is_false(window:hit(now + 3))
  end)

  it("counts with integer times too", function()
    local window = intensity.new { restarts = 2, within = 1000000000 }
    assert.is_true(window:hit(5000000000))
    assert.is_true(window:hit(5000000001))
    assert.is_false(window:hit(5999999999))
    assert.equal(1, window:count(6000000001))
  end)

  it("forgets on clear, and with time", function()
    local window = intensity.new { restarts = 1, within = 5 }
    window:hit(1)
    assert.equal(1, window:count(1))
    assert.equal(0, window:count(6))
    window:hit(7)
    window:clear()
    assert.equal(0, window:count(7))
    assert.is_true(window:hit(7))
  end)

  it("agrees with remembering every hit", function()
    math.randomseed(11)
    for _ = 1, 100 do
      local limits = { restarts = math.random(0, 12), within = math.random(1, 8) / 2 }
      local window, model, now = intensity.new(limits), naive(limits), 0
      for _ = 1, 200 do
        now = now + math.random(0, 8) / 8
        local allowed, count = model(now)
        assert.equal(allowed, window:hit(now))
        assert.equal(count, window:count(now))
      end
    end
  end)

  it("holds no more than the window does, nor than restarts + 1", function()
    local window = intensity.new { restarts = 1000000, within = 1 }
    for i = 1, 10000 do window:hit(i) end
    assert.is_true(#window.times <= 4)
    window = intensity.new { restarts = 5, within = 1e9 }
    for i = 1, 10000 do window:hit(i) end
    assert.is_true(#window.times <= 6)
  end)
end)
