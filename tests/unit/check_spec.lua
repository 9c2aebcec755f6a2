local check = require "luvisor.core.check"

describe("check", function()
  it("says what it got: numbers and short strings as they are, else the type", function()
    assert.equal("3", check.got(3))
    assert.equal('"x"', check.got "x")
    assert.equal("string", check.got(("x"):rep(100)))
    assert.equal("table", check.got {})
    assert.equal("nil", check.got(nil))
  end)

  it("knows lists from other tables", function()
    assert.equal(0, check.length {})
    assert.equal(2, check.length { "a", "b" })
    assert.is_nil(check.length { "a", nil, "c" })
    assert.is_nil(check.length { "a", x = 1 })
    assert.is_nil(check.length { [0] = "a" })
    assert.is_nil(check.length { [1.5] = "a" })
  end)

  it("takes whole numbers in any form, and only within bounds", function()
    local percent = check.integer(0, 100)
    assert.same({ true, 3 }, { percent(3.0) })
    assert.equal("integer", math.type(select(2, percent(3.0))))
    for _, bad in ipairs { -1, 101, 1.5, "3", 0 / 0, 1 / 0, {} } do assert.is_false((percent(bad))) end
    assert.is_false((percent(nil)))
  end)

  it("names the key below the value, however deep", function()
    local one = check.record { list = check.list("names", check.name), inner = check.record { on = check.boolean } }
    local function below(value)
      local ok, _, key = one(value)
      assert.is_false(ok)
      return key
    end
    assert.equal(".list[2]", below { list = { "a", "b c" } })
    assert.equal(".inner.on", below { inner = { on = 1 } })
    assert.equal(".inner.of", below { inner = { of = 1 } })
    assert.equal(".1", below { "x" })
    assert.same({ true, { inner = { on = false } } }, { one { inner = { on = false } } })
  end)

  it("normalizes into a new table", function()
    local given = { "a" }
    local _, list = check.list("names", check.name)(given)
    assert.same(given, list)
    assert.not_equal(given, list)
  end)

  it("reads literals of the environment", function()
    for literal, value in pairs { ["1"] = 1, [" 2.5 "] = 2.5, ["-3"] = -3, ["1e3"] = 1000, [".5"] = 0.5,
      ["64MB"] = "64MB", kill = "kill", ["0x10"] = "0x10", nan = "nan", ["1.2.3"] = "1.2.3" } do
      assert.equal(value, check.literal(literal, false))
    end
    assert.is_true(check.literal("Yes", true))
    assert.is_false(check.literal("0", true))
    assert.equal("2", check.literal("2", true))
  end)

  it("takes sizes", function()
    assert.same({ true, 64 * 1024 * 1024 }, { check.size "64MB" })
    assert.is_false((check.size(0)))
    assert.is_false((check.size "x"))
  end)
end)
