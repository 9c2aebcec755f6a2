local units = require "luvisor.core.units"

describe("units", function()
  describe("size", function()
    local good = {
      { 0, 0 }, { 512, 512 }, { 64.0, 64 }, { "512", 512 }, { "512B", 512 }, { "1KB", 1024 }, { "1K", 1024 },
      { "1kib", 1024 }, { "64MB", 64 * 1024 * 1024 }, { " 64 MiB ", 64 * 1024 * 1024 }, { "1.5GB", 1610612736 },
      { "2TB", 2 * 1024 ^ 4 }, { "0.5k", 512 },
    }
    for _, case in ipairs(good) do
      it("reads " .. tostring(case[1]), function()
        local bytes = units.size(case[1])
        assert.equal(case[2], bytes)
        assert.equal("integer", math.type(bytes))
      end)
    end

    for _, bad in ipairs { "", "MB", "64XB", "-1", "1e3", "64MB x", "0x10", -1, 1.5, 0 / 0, 1 / 0, "99999999TB" } do
      it("refuses " .. tostring(bad), function()
        local bytes, message, code = units.size(bad)
        assert.is_nil(bytes)
        assert.matches("^not a size: ", message)
        assert.equal("EINVAL", code)
      end)
    end

    it("refuses what is neither a number nor text", function()
      assert.is_nil(units.size(nil))
      assert.is_nil(units.size {})
      assert.is_nil(units.size(true))
    end)
  end)

  it("knows seconds", function()
    for _, value in ipairs { 0, 1, 0.25, 1e9 } do assert.is_true(units.is_seconds(value)) end
    for _, value in ipairs { -1, 0 / 0, 1 / 0, "1", {} } do assert.is_false(units.is_seconds(value)) end
    assert.is_false(units.is_seconds(nil))
  end)

  local durations = {
    { 0, "0 s" }, { 0.25, "250 ms" }, { 0.0005, "0.5 ms" }, { 0.0125, "12.5 ms" }, { 0.106766, "107 ms" },
    { 0.9999, "1 s" }, { 1, "1 s" }, { 2.0, "2 s" },
    { 2.5, "2.5 s" }, { 59, "59 s" }, { 60, "1 min" }, { 90, "1 min 30 s" }, { 3600, "1 h" },
    { 7500, "2 h 5 min" }, { 86400, "1 d" }, { 90000, "1 d 1 h" }, { 1 / 0, "infinity" }, { -2, "-2 s" },
  }
  for _, case in ipairs(durations) do
    it("writes " .. case[1] .. " s for people", function() assert.equal(case[2], units.text(case[1])) end)
  end
end)
