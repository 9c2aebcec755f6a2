local defaults = require "luvisor.core.defaults"

describe("defaults", function()
  it("are the built-in values when nothing is said (settings_use_dataclass_defaults_when_env_is_missing)", function()
    local settings = assert(defaults.resolve())
    assert.equal(3, settings.restarts)
    assert.equal(5, settings.within)
    assert.same({ restarts = 3, within = 5 }, settings.intensity)
    assert.same({ min = 0.1, max = 30, factor = 2, jitter = 0.1, reset_after = 60 }, settings.backoff)
    assert.equal(2, settings.heartbeat)
    assert.is_nil(settings.start_timeout)
    assert.is_nil(settings.shutdown)
    assert.is_true(settings.die_with_host)
  end)

  it("are all named, checked and explained", function()
    for _, one in ipairs(defaults.list) do
      assert.is_true(#one.meaning > 10)
      if one.builtin ~= nil then assert.is_true((one.check(one.builtin))) end
    end
  end)

  it("come from the environment before the built-in value (settings_read_values_from_environment)", function()
    local settings = assert(defaults.resolve(nil, {
      LUVISOR_RESTARTS = "7", LUVISOR_WITHIN = " 0.5 ", LUVISOR_SHUTDOWN = "kill", LUVISOR_BACKOFF_MAX = "1e2",
      LUVISOR_START_TIMEOUT = "infinity", LUVISOR_MAILBOX = "", LUVISOR_OTHER = "x", HOME = "/",
    }))
    assert.same({ restarts = 7, within = 0.5 }, settings.intensity)
    assert.equal("kill", settings.shutdown)
    assert.equal(100, settings.backoff.max)
    assert.is_false(settings.start_timeout)
    assert.equal(1000, settings.mailbox)
  end)

  it("come from the script before the environment (explicit_overrides_take_precedence_over_environment)", function()
    local settings = assert(defaults.resolve({ restarts = 9, die_with_host = true, start_timeout = false },
      { LUVISOR_RESTARTS = "7", LUVISOR_WITHIN = "6", LUVISOR_DIE_WITH_HOST = "no", LUVISOR_START_TIMEOUT = "3" }))
    assert.same({ restarts = 9, within = 6 }, settings.intensity)
    assert.is_true(settings.die_with_host)
    assert.is_false(settings.start_timeout)
  end)

  it("may be grouped in the script as at a unit", function()
    local settings = assert(defaults.resolve { intensity = { restarts = 1 }, backoff = { min = 1, max = 2 } })
    assert.same({ restarts = 1, within = 5 }, settings.intensity)
    assert.equal(1, settings.backoff.min)
    assert.equal(2, settings.backoff.max)
  end)

  -- settings_coerce_bool_and_string_fields
  for literal, value in pairs { ["true"] = true, ["1"] = true, yes = true, TRUE = true, ["false"] = false,
    ["0"] = false, no = false, No = false } do
    it("read the boolean " .. literal, function()
      assert.equal(value, defaults.resolve(nil, { LUVISOR_DIE_WITH_HOST = literal }).die_with_host)
    end)
  end

  -- invalid_boolean_literal_raises_value_error
  local bad_literals = {
    { "LUVISOR_RESTARTS", "three", 'LUVISOR_RESTARTS: expected a whole number >= 0, got "three"' },
    { "LUVISOR_RESTARTS", "-1", "LUVISOR_RESTARTS: expected a whole number >= 0, got -1" },
    { "LUVISOR_RESTARTS", "1.5", "LUVISOR_RESTARTS: expected a whole number >= 0, got 1.5" },
    { "LUVISOR_WITHIN", "0", "LUVISOR_WITHIN: expected seconds > 0, got 0" },
    { "LUVISOR_WITHIN", "inf", 'LUVISOR_WITHIN: expected seconds > 0, got "inf"' },
    { "LUVISOR_WITHIN", "1e999", "LUVISOR_WITHIN: expected seconds > 0, got inf" },
    { "LUVISOR_WITHIN", "0x10", 'LUVISOR_WITHIN: expected seconds > 0, got "0x10"' },
    { "LUVISOR_DIE_WITH_HOST", "maybe", 'LUVISOR_DIE_WITH_HOST: expected true or false, got "maybe"' },
    { "LUVISOR_SHUTDOWN", "kil", 'LUVISOR_SHUTDOWN: unknown value "kil", did you mean "kill"?' },
    { "LUVISOR_BACKOFF_JITTER", "2", "LUVISOR_BACKOFF_JITTER: expected a number from 0 to 1, got 2" },
  }
  for _, case in ipairs(bad_literals) do
    it("refuse " .. case[3], function()
      local settings, message, code = defaults.resolve({}, { [case[1]] = case[2] })
      assert.is_nil(settings)
      assert.equal(case[3], message)
      assert.equal("EINVAL", code)
    end)
  end

  -- unknown_override_raises_type_error, unsupported_annotation_type_raises_type_error
  local bad_scripts = {
    { { restart = 3 }, 'key "restart": unknown setting, did you mean "restarts"?' },
    { { intensty = {} }, 'key "intensty": unknown setting, did you mean "intensity"?' },
    { { 5 }, 'key "1": unknown setting' },
    { { intensity = 3 }, 'key "intensity": expected a table, got 3' },
    { { intensity = { restart = 3 } }, 'key "intensity.restart": unknown key, did you mean "restarts"?' },
    { { intensity = { within = 0 } }, 'key "intensity.within": expected seconds > 0, got 0' },
    { { intensity = { restarts = 1 }, restarts = 2 }, 'key "restarts": is given twice' },
    { { heartbeat = "2" }, 'key "heartbeat": expected seconds > 0, got "2"' },
    { { history = 0 }, 'key "history": expected a string, got 0' },
    { { backoff = { min = 5, max = 1 } }, "backoff_min 5 is more than backoff_max 1" },
    { 3, "expected a table, got 3" },
  }
  for _, case in ipairs(bad_scripts) do
    it("refuse " .. case[2], function()
      local settings, message, code = defaults.resolve(case[1])
      assert.is_nil(settings)
      assert.equal(case[2], message)
      assert.equal("EINVAL", code)
    end)
  end

  it("are not changed by being checked twice", function()
    local flat = assert(defaults.check { start_timeout = "infinity", intensity = { restarts = 2 } })
    assert.same(flat, defaults.check(flat))
  end)

  it("finds a variable that is almost a setting, and leaves others alone", function()
    local settings, message = defaults.resolve({}, { LUVISOR_RESTART = "3" })
    assert.is_nil(settings)
    assert.equal("LUVISOR_RESTART: unknown setting, did you mean LUVISOR_RESTARTS?", message)
    assert.truthy(defaults.resolve({}, { LUVISOR_SOCKET = "x", LUVISOR_LUA = "x", LUVISOR_UNIT = "x", RESTART = "x",
      LUVISOR_DAEMON = "1", LUVISOR_NAME = "x", LUVISOR_BIN = "x", LUVISOR_PRESET = "x" }))
  end)
end)
