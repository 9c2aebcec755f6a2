-- SPDX-License-Identifier: Apache-2.0
-- The benchmarks work, each with as little to do as can be; what they measure is for scripts/bench.

local host = require "host"

local bench = host.root .. "/tests/bench"
local limits = host.binary:match "^(.*)/[^/]*$" .. "/bench/limits"

local drivers = {
  start = { "20" }, restart = { "5", "3" }, sustained = { "3", "0.2" }, one_for_all = { "4", "2" },
  heartbeat = { "20", "0.5" }, late = { "3" }, message = { "100", "4" }, pause = { "20", "0" },
  speed = { "1" }, runaway = { "5", "0.3" }, runaway_status = { "5", "3" }, status = { "5", "3" },
  thread = { "2", "5" }, process = { "2", "5" },
}

local function has_erlang()
  return os.execute "command -v erl erlc > /dev/null" ~= nil
end

-- key -> value, and nothing else printed
local function figures_in(text)
  local values = {}
  for line in text:gmatch "[^\n]+" do
    local key, value = line:match "^([%w_]+%.[%w_]+)\t([^\t]+)\t[^\t]+$"
    assert.is_truthy(key, line)
    values[key] = tonumber(value)
  end
  return values
end

local function expected_keys(driver)
  local keys = {}
  for _, figure in ipairs(dofile(bench .. "/figures.lua")) do
    if (figure.driver or figure.name) == driver then
      for _, row in ipairs(figure.rows) do keys[#keys + 1] = row.key end
    end
  end
  return keys
end

local function check_figures(driver, code, out, err)
  assert.equal(0, code, err)
  local values = figures_in(out)
  for _, key in ipairs(expected_keys(driver)) do
    assert.is_truthy(values[key] and values[key] >= 0, ("%s of %s in %q"):format(key, driver, out))
  end
end

local function run(command, args)
  local process = host.spawn(args, nil, { command = command })
  local code = process:wait(30)
  return code, process:stdout(), process:stderr()
end

local function compile_erlang()
  local ebin, remove = host.directory()
  local sources = { "bench.erl", "bench_supervisor.erl", "bench_worker.erl" }
  for i, name in ipairs(sources) do sources[i] = bench .. "/otp/" .. name end
  assert.equal(0, run({ "erlc", "-Werror", "-o", ebin }, sources))
  return ebin, remove
end

describe("the benchmark drivers", function()
  after_each(host.clean_up)

  for driver, args in pairs(drivers) do
    it("measures " .. driver .. " on luvisor", function()
      local code, out, err = host.run({ "lua", bench .. "/luvisor/" .. driver .. ".lua", table.unpack(args) }, nil, 30)
      check_figures(driver, code, out, err)
    end)
  end

  it("measures from outside how long a process takes to say something", function()
    local code, out, err = host.run({ "lua", bench .. "/first_output.lua", "2", host.binary, "run",
      "--log-level", "none", bench .. "/luvisor/cold_tree.lua" }, nil, 30)
    check_figures("cold", code, out, err)
  end)

  for driver, args in pairs {
    start = { "20" }, restart = { "5", "3" }, sustained = { "3", "1" }, one_for_all = { "4", "2" },
    heartbeat = { "20", "1" }, thread = { "2", "5" }, process = { "2", "5" },
  } do
    it("measures " .. driver .. " on bare coroutines", function()
      check_figures(driver, run({ limits, driver }, args))
    end)
  end

  it("measures on OTP", function()
    if not has_erlang() then return end
    local ebin, remove = compile_erlang()
    finally(remove)
    for _, driver in ipairs { "start", "restart", "one_for_all", "late" } do
      check_figures(driver, run({ "erl", "-noshell", "-pa", ebin, "-kernel", "logger_level", "none", "-s", "bench",
        "main", "-extra", driver }, drivers[driver]))
    end
  end)
end)

local programs = {
  start = { "3" }, stop = { "3" }, restart = { "3", "2" }, memory = { "3" }, idle = { "3", "0.2" },
  status = { "3", "1" }, log = { "1", "4096", "1000000" },
}

local PROGRAMS = { luvisor = "true", limit = "true", supervisord = "supervisord", runit = "runsvdir", s6 = "s6-svscan" }

describe("the benchmark driver of programs", function()
  after_each(host.clean_up)

  for system, needs in pairs(PROGRAMS) do
    for figure, args in pairs(programs) do
      local is_possible = system ~= "limit" or figure ~= "status"
      if is_possible then it(("measures %s of %s"):format(figure, system), function()
        if os.execute(("command -v %s > /dev/null"):format(needs)) == nil then return pending "not installed" end
        local code, out, err = host.run({ "lua", bench .. "/programs/driver.lua", "--limits", limits:match "^(.*)/",
          system, figure, table.unpack(args) }, nil, 60)
        assert.equal(0, code, err)
        assert.is_true(next(figures_in(out)) ~= nil, err)
      end) end
    end
  end
end)

describe("the benchmark", function()
  after_each(host.clean_up)

  it("prints a table with ratios", function()
    if not has_erlang() then return end
    local ebin, remove = compile_erlang()
    finally(remove)
    local code, out, err = host.run({ "lua", bench .. "/run.lua", "--ebin", ebin, "--limits", limits, "--rounds", "1",
      "late" }, nil, 60)
    assert.equal(0, code, err)
    assert.matches("of OTP's", out, 1, true)
    assert.matches("p99 +ms +[%d.]+ +[%d.]+ +[%d.]+x +<= 2 ms", out)
  end)

  it("knows its figures", function()
    local code, _, err = host.run { "lua", bench .. "/run.lua", "no_such_figure" }
    assert.equal(2, code)
    assert.matches("no figure 'no_such_figure' %(start, ", err)
  end)
end)
