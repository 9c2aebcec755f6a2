-- SPDX-License-Identifier: Apache-2.0
-- Plans: what has to happen so that one tree becomes another. Names in brackets are those of the OTP case.

local luvisor = require "luvisor"
local reloads = require "reloads"
local worker = require "luvisor.worker"
local worlds = require "world"

describe("a plan", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function text(old, new)
    reloads.tree(world, old())
    local plan = assert(reloads.plan(world, new()))
    return plan:text(), plan
  end

  local function of_programs(one, other)
    local function tree(keys)
      return function()
        local copy = {}
        for key, value in pairs(keys) do copy[key] = value end
        copy.ready = copy.ready or { after = 0 }
        return { world:program("p", copy) }
      end
    end
    return (text(tree(one), tree(other)))
  end

  local function sup(keys) return function() return keys() end end

  it("is empty for the same script (3.60)", function()
    local function tree()
      return {
        strategy = "rest_for_one", intensity = { restarts = 1, within = 2 },
        "a", world:worker("b", { args = { 1, { 2 } }, restart = luvisor.restart.retries(3), after = { a = "ready" } }),
        world:program("p", { env = { A = "1" }, health = { tcp = 1 }, ready = { after = 0 }, stdout = print }),
        world:supervisor("s", { strategy = "simple_one_for_one", template = world:worker "t" }),
      }
    end
    assert.equal("nothing has changed", (text(tree, tree)))
  end)

  it("is empty for the same machine of a worker's own, and not for another", function()
    local function tree(event)
      return function()
        local definition = worker.define { fsm = luvisor.fsm {
          initial = "starting",
          transitions = { starting = { run = "running" }, running = { [event] = luvisor.fsm.OK } },
        } }
        definition:actor("running", function() return "keepalive" end)
        return { luvisor.worker { name = "a", module = definition } }
      end
    end
    local before = tree "complete"
    assert.equal("nothing has changed", (text(before, before)))
    assert.equal("! root/a  restart (code, fsm changed)", (reloads.plan(world, tree("over")())):text())
  end)

  it("adds and removes, each kind at its place", function()
    local shown = text(
      function() return { "a", "b", world:supervisor("s", { "c" }) } end,
      function() return { "b", world:supervisor("s", { "d" }), world:program "a" } end)
    assert.equal(table.concat({
      "- root/a  removed", "- root/s/c  removed", "+ root/s/d  added", "+ root/a  added",
    }, "\n"), shown)
  end)

  it("tells another order", function()
    assert.equal("~ root  children in another order",
      (text(function() return { "a", "b" } end, function() return { "b", "a" } end)))
  end)

  it("restarts a program only for what exec sees", function()
    for key, values in pairs {
      command = { { "x" }, { "y" } }, cwd = { "/", "/tmp" }, env = { { A = "1" }, { A = "2" } },
      umask = { "022", "077" },
      clear_env = { false, true }, stdin = { "null", "inherit" }, stdout = { "null", "inherit" }, watchdog = { 1, 2 },
      limits = { { nofile = 100 }, { nofile = 200 } }, ready = { { notify = true }, { line = "x" } },
      die_with_host = { true, false },
    } do
      world:close()
      world = worlds.new()
      local stdout = key == "ready" and { prefix = true } or nil
      local shown = of_programs({ [key] = values[1], stdout = stdout or key == "stdout" and values[1] or nil },
        { [key] = values[2], stdout = stdout or key == "stdout" and values[2] or nil })
      assert.equal(("! root/p  restart (%s changed)"):format(key), shown)
    end
  end)

  it("changes the rest of a program in place", function()
    local shown = of_programs(
      { health = { tcp = 1 }, stop = { signal = "TERM", timeout = 5 }, max_memory = 1e9, backoff = { min = 1 } },
      { health = { tcp = 2 }, stop = { signal = "INT", timeout = 6 }, max_memory = 2e9, backoff = { min = 2 },
        restart = "transient", tags = { "x" }, success = { 0, 1 }, critical = true, max_age = 60, start_timeout = 9 })
    assert.equal("~ root/p  changed in place: backoff, critical, health, max_age, max_memory, restart, shutdown, "
      .. "start_timeout, stop, success, tags", shown)
  end)

  it("compares policies by what they are made of, and says when that cannot be known", function()
    local function tree(policy)
      return function() return { world:worker("a", { restart = policy() }) } end
    end
    local three = function() return luvisor.restart.retries(3) end
    assert.equal("nothing has changed", (text(tree(three), tree(three))))
    world:close()
    world = worlds.new()
    local four = function() return luvisor.restart.retries(4) end
    assert.equal("~ root/a  changed in place: restart", (text(tree(three), tree(four))))
    world:close()
    world = worlds.new()
    local function strange()
      local held = coroutine.create(print)
      return function() return held and "stop" end
    end
    assert.equal("~ root/a  changed in place: restart (cannot be compared: it holds a thread)",
      (text(tree(strange), tree(strange))))
  end)

  local function worker_with(change, keys)
    return function()
      local spec = world:worker("a", keys)
      if change then change(spec.module) end
      return { spec }
    end
  end

  it("upgrades a worker that can be upgraded, and restarts others", function()
    local function other(definition) definition:leave("running", function() return "x" end) end
    local function upgradable(definition) definition:upgrade(function(_, _, data) return data end) end
    local function both(definition) upgradable(definition) other(definition) end
    for shown, trees in pairs {
      ["! root/a  restart (code changed)"] = { worker_with(), worker_with(other) },
      ["~ root/a  upgrade (code changed)"] = { worker_with(upgradable), worker_with(both) },
      ["= root/a  kept as it runs, new at its next start (code, on_change changed)"] =
        { worker_with(), worker_with(other, { on_change = "keep" }) },
      ["! root/a  restart (args changed)"] =
        { worker_with(nil, { args = { 1 } }), worker_with(nil, { args = { 2 } }) },
    } do
      world:close()
      world = worlds.new()
      local seen = text(trees[1], trees[2])
      assert.equal(shown, (seen:gsub("on_change, code", "code, on_change")))
    end
  end)

  it("changes supervisors in place (code_change)", function()
    assert.equal("~ root  changed in place: intensity, strategy", (text(
      sup(function() return { "a" } end),
      sup(function() return { strategy = "one_for_all", intensity = { restarts = 7, within = 8 }, "a" } end))))
  end)

  it("starts a supervisor anew that becomes a pool, but never the root", function()
    assert.equal("! root/s  restart (strategy changed)", (text(
      function() return { world:supervisor("s", { "a" }) } end,
      function()
        return { world:supervisor("s", { strategy = "simple_one_for_one", template = world:worker "a" }) }
      end)))
    local _, message = reloads.plan(world, { strategy = "simple_one_for_one", template = world:worker "a" })
    assert.equal("the root cannot be restarted by a reload (strategy changed)", message)
  end)

  it("does not rename the root", function()
    reloads.tree(world, { "a" })
    local plan, message = reloads.plan(world, { name = "other", "a" })
    assert.is_nil(plan)
    assert.equal('the root is "root" and cannot become "other": stop the host and start it anew', message)
  end)

  it("is data: action, path, kind, keys", function()
    local _, plan = text(function() return { "a" } end, function() return { "a", world:program "b" } end)
    assert.same({ { action = "add", path = "root/b", kind = "program", text = "added", keys = {} } }, plan.steps)
  end)
end)
