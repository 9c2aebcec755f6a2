-- SPDX-License-Identifier: Apache-2.0
-- The examples that are changed while they run do what their comments say.

local host = require "host"

describe("example", function()
  local directory, tree

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function text_of(name) return assert(host.read(host.root .. "/examples/" .. name .. ".lua")) end

  local function run(name, env)
    host.write(directory .. "/tree.lua", text_of(name))
    tree = host.spawn({ "run", "tree.lua" }, env, { cwd = directory })
  end

  -- What the sed of the comment does.
  local function change(name, line, by)
    local text, count = ("\n" .. text_of(name)):gsub("\n" .. line .. "[^\n]*", (("\n" .. by):gsub("%%", "%%%%")))
    assert.equal(1, count)
    host.write(directory .. "/tree.lua", text)
  end

  local function luvisor(...)
    local code, out, err = tree:client({ ... }, 30)
    assert.equal(0, code, err)
    return out
  end

  for _, executor in ipairs { "coroutine", "thread", "process" } do
    it("hot_upgrade counts on in another form, and back, on a " .. executor, function()
      run("hot_upgrade", { EXECUTOR = executor })
      tree:expect "version 1, generation 1: 3\n"
      change("hot_upgrade", "local VERSION", "local VERSION = 2")
      assert.matches("~ hot/counter  upgrade", luvisor "reload")
      assert.truthy(tonumber((tree:expect "version 2, generation 1: (%d+)\n")) > 12)
      assert.matches("from = 1", luvisor("repl", "-e", "state 'counter'"))
      luvisor "rollback"
      local least = tonumber((tree:output():match ".*version 2, generation 1: (%d+)\n"))
      assert(host.wait_until(function()
        return (tonumber(tree:output():match ".*version 1, generation 1: (%d+)\n") or 0) > least
      end, 10), tree:output())
      assert.equal(0, tree:stop())
    end)
  end

  it("blue_green has the new colour ready before the old one goes", function()
    run "blue_green"
    tree:expect "site/blue:1 STARTING %-> RUNNING"
    tree:expect "site/web:1 STARTING %-> RUNNING"
    change("blue_green", "local LIVE =", 'local LIVE = { "blue", "green" }')
    assert.equal("+ site/green:0  added\n+ site/green:1  added\n", luvisor "reload")
    for _, unit in ipairs { "green:0", "green:1", "blue:0", "blue:1" } do
      assert(host.wait_until(function() return luvisor("status", "site/" .. unit):find " RUNNING " end, 20), unit)
    end
    assert.equal(0, tree:count "site/blue:%d RUNNING %->")
    change("blue_green", "local LIVE =", 'local LIVE = { "green" }')
    assert.equal("- site/blue:0  removed\n- site/blue:1  removed\n", luvisor "reload")
    assert.equal(0, tree:count "site/green:%d RUNNING %->")
    assert.equal(0, tree:stop())
  end)

  it("blue_green rolls a release out one instance at a time", function()
    run "blue_green"
    tree:expect "site starting %-> running"
    change("blue_green", "local RELEASE =", 'local RELEASE = "2"')
    luvisor "reload"
    assert.equal(0, tree:count "site/web:%d RUNNING %->")
    assert.equal("site/web: 2 restarted\n", luvisor("restart", "--rolling", "web"))
    tree:expect "web:0 | serves release 2"
    tree:expect "web:1 | serves release 2"
    tree:expect("web:1 STARTING %-> RUNNING", 10, 2)
    assert.matches("web:0 RUNNING.*web:0 STARTING %-> RUNNING.*web:1 RUNNING %-> STOPPING", tree:output())
    assert.equal(0, tree:stop())
  end)

  it("tuned_policy is tuned from the REPL, and a reload takes that back", function()
    run "tuned_policy"
    tree:expect "tuned/flaky FATAL"
    assert.equal(2, tree:count "flaky STOPPED %-> STARTING")
    luvisor("repl", "-e", "set('flaky', 'restart', luvisor.restart.retries(4))")
    local out = luvisor("repl", "-e", "set('flaky', 'backoff.max', 0.1)")
    assert.equal("~ tuned/flaky  changed in place: backoff\n", out)
    luvisor("repl", "-e", "start 'flaky'")
    tree:expect("tuned/flaky FATAL", 15, 2)
    assert.equal(2 + 5, tree:count "flaky STOPPED %-> STARTING")
    assert.matches("drift: backoff, restart set", luvisor("status"))
    assert.matches("~ tuned/flaky  changed in place: backoff, restart", luvisor("repl", "-e", "reload()"))
    luvisor("repl", "-e", "start 'flaky'")
    tree:expect("tuned/flaky FATAL", 15, 3)
    assert.equal(2 + 5 + 2, tree:count "flaky STOPPED %-> STARTING")
    assert.equal(0, tree:stop())
  end)
end)
