-- SPDX-License-Identifier: Apache-2.0
-- Trees with one thing changed: the one that was given stays as it is, and what was not meant is shared.

local drift = require "luvisor.core.plan.drift"
local edit = require "luvisor.core.edit"
local plans = require "luvisor.core.plan"
local spec = require "luvisor.core.spec"

describe("an edited tree", function()
  local settings

  local function program(name, keys)
    keys = keys or {}
    keys.name, keys.command = name, keys.command or "true"
    return assert(spec.program(keys))
  end

  local function supervisor(name, children, keys)
    keys = keys or {}
    keys.name, keys.children = name, children
    return assert(spec.supervisor(keys))
  end

  local function tree(...)
    local root
    root, settings = assert(spec.resolve(supervisor("top", { ... }), nil, {}))
    return root
  end

  local function adopt(child, parent) return spec.adopt(parent, child, settings) end
  local function ready() return true end

  local function names(one)
    local list = {}
    for i, child in ipairs(one.children) do list[i] = child.name end
    return table.concat(list, " ")
  end

  it("has more children, and shares the rest", function()
    local root = tree(supervisor("a", { program "x" }), supervisor("b", { program "y" }))
    local before = root.children[2].shutdown
    local other = assert(edit.add(root, "top/b", { program("z", { shutdown = 50 }) }, adopt))
    assert.equal("y z", names(other.children[2]))
    assert.equal("y", names(root.children[2]))
    assert.equal(root.children[1], other.children[1])
    assert.equal("top/b/z", other.children[2].children[2].path)
    assert.truthy(other.children[2].shutdown > before + 50)
    assert.truthy(other.shutdown > root.shutdown + 50)
  end)

  it("knows drift by unit, and none where both say the same", function()
    local root = tree(program "x", program "y")
    assert.is_nil(drift.of(root, root))
    local other = assert(edit.set(root, "top/x", "max_age", 60, ready))
    other = assert(edit.remove(other, "top", { y = true }))
    other = assert(edit.add(other, "top", { program "z" }, adopt))
    assert.same({ top = "y removed", ["top/x"] = "max_age set", ["top/z"] = "added" }, drift.of(root, other))
    assert.is_nil(drift.of(root, tree(program "x", program "y")))
  end)

  it("grows and shrinks a counted program where it stands, by the functions of its index", function()
    local web = program("web", { count = 2, command = function(i) return { "serve", tostring(8000 + i) } end })
    local root = tree(program "a", web, program "b")
    local other = assert(edit.scale(root, "top", "web", 4, adopt))
    assert.equal("a web:0 web:1 web:2 web:3 b", names(other))
    assert.same({ "serve", "8003" }, other.children[5].command)
    assert.equal("a web:0 b", names(assert(edit.scale(other, "top", "web", 1, adopt))))
    assert.equal("a web:0 web:1 b", names(root))
    assert.equal(2, root.counted.web)
    local _, message = edit.scale(root, "top", "b", 4, adopt)
    assert.equal("top/b has no count", message)
  end)

  it("adjusts who comes after all instances, and leaves alone who comes after one", function()
    local root = tree(program("web", { count = 2 }), program("all", { after = { web = "ready" } }),
      program("one", { after = { ["web:0"] = "started" } }))
    local up = assert(edit.check(assert(edit.scale(root, "top", "web", 3, adopt))))
    assert.same({ ["web:0"] = "ready", ["web:1"] = "ready", ["web:2"] = "ready" }, up.children[4].after)
    assert.same({ ["web:0"] = "started" }, up.children[5].after)
    local down = assert(edit.check(assert(edit.scale(root, "top", "web", 1, adopt))))
    assert.same({ ["web:0"] = "ready" }, down.children[2].after)
  end)

  it("refuses to lose what others come after", function()
    local root = tree(program "a", program("b", { after = { a = "ready" } }))
    local _, message = edit.check(assert(edit.remove(root, "top", { a = true })))
    assert.equal('program "b": key "after": unknown unit "a"', message)
    assert.truthy(edit.check(assert(edit.remove(root, "top", { a = true, b = true }))))
  end)

  it("changes in place whatever key it takes", function()
    local root = tree(program("p", { health = { tcp = 1 }, stdout = { file = "/tmp/p.log" } }), supervisor("s", {}))
    local values = {
      ["backoff.min"] = 1, shutdown = "kill", critical = true, ["health.every"] = 1, ["stop.signal"] = "INT",
      ["stop.timeout"] = 2, success = { 3 }, max_memory = "3MB",
      ["stdout.max_size"] = "1MB", ["stdout.gzip"] = true, ["stdout.keep"] = 3, ["stdout.max_age"] = 60,
      restart = "transient", on_change = "keep", tags = { "t" }, start_timeout = 3,
    }
    for key, value in pairs(values) do
      local other = assert(edit.set(root, "top/p", key, value, ready))
      local plan = assert(plans.compare(root, other))
      assert.equal(1, #plan.steps, key)
      assert.equal("change", plan.steps[1].action, plan:text())
    end
    for key, value in pairs { strategy = "rest_for_one", ["intensity.within"] = 2, max_children = 5 } do
      local plan = assert(plans.compare(root, assert(edit.set(root, "top/s", key, value, ready))))
      assert.equal("change", plan.steps[1].action, plan:text())
    end
  end)

  describe("of which a part runs elsewhere", function()
    local replay = require "luvisor.core.edit.replay"
    local how = { adopt = adopt, prepare = ready }

    local function with_guest()
      return tree(supervisor("s", { program("p", { count = 2 }), program "q" }, { executor = "thread" }))
    end

    it("tells what was done there, which can be done again of the script", function()
      local root = with_guest()
      local other = assert(edit.scale(root, "top/s", "p", 3, adopt))
      other = assert(edit.remove(other, "top/s", { q = true }))
      other = assert(edit.set(other, "top/s/p:0", "max_age", 60, ready))
      assert.equal("p:0 p:1 p:2", names(other.children[1]))
      assert.equal(3, #other.children[1].edits)
      assert.is_nil(root.children[1].edits)
      local again = assert(replay.all(with_guest().children[1], other.children[1].edits, how))
      assert.equal("p:0 p:1 p:2", names(again))
      assert.equal(60, again.children[1].max_age)
      assert.is_nil(again.edits)
    end)

    it("is told of units and policies by the text that makes them, and takes no function", function()
      local function policy() return "restart" end
      local _, message = edit.set(with_guest(), "top/s/q", "restart", policy, ready)
      assert.equal("top/s has a runtime of its own, where a function cannot be sent: "
        .. 'give it as text, as "luvisor.restart.retries(3)"', message)
      local other = assert(edit.set(with_guest(), "top/s", "restart", policy, ready)) -- its supervisor's business
      assert.is_nil(other.children[1].edits)
      other = assert(edit.add(with_guest(), "top/s", { program "z" }, adopt, { path = "more", text = "z" }))
      other = assert(edit.set(other, "top/s/z", "restart", policy, ready, "it"))
      local again = assert(replay.all(with_guest().children[1], other.children[1].edits, {
        adopt = adopt, prepare = ready,
        load = function(_, text) return { program(text) } end,
        evaluate = function(text) return text == "it" and policy end,
      }))
      assert.equal("p:0 p:1 q z", names(again))
      assert.equal(policy, again.children[4].restart)
    end)

    it("is told nothing of what was added, changed, and removed again", function()
      local other = with_guest()
      for turn = 1, 100 do
        local source = { path = "more", text = "text " .. turn }
        other = assert(edit.add(other, "top/s", { program "z", supervisor("y", { program "x" }) }, adopt, source))
        other = assert(edit.set(other, "top/s/z", "max_age", turn, ready))
        other = assert(edit.set(other, "top/s/y/x", "max_age", turn, ready))
        other = assert(edit.remove(other, "top/s", { z = true, y = true }))
      end
      assert.is_nil(other.children[1].edits)
      local counted = program("c", { count = 2 })
      for _ = 1, 3 do
        other = assert(edit.add(other, "top/s", { counted }, adopt, { path = "more", text = "text" }))
        counted = program("c", { count = 2 })
        other = assert(edit.scale(other, "top/s", "c", 3, adopt))
        other = assert(edit.remove(other, "top/s", { ["c:0"] = true, ["c:1"] = true, ["c:2"] = true }))
      end
      assert.same({ { "remove", "top/s", { ["c:2"] = true } } }, other.children[1].edits)
      assert(replay.all(with_guest().children[1], other.children[1].edits, how))
      other = assert(edit.add(other, "top/s", { program "z", program "y" }, adopt, { path = "more", text = "text" }))
      other = assert(edit.remove(other, "top/s", { z = true, q = true })) -- a part of that
      other = assert(edit.remove(other, "top/s", { y = true }))
      assert.same({ "remove", "top/s", { z = true, y = true, q = true } }, other.children[1].edits[3])
    end)

    it("is told just the last of what one has replaced", function()
      local other = with_guest()
      for age = 1, 100 do other = assert(edit.set(other, "top/s/q", "max_age", age, ready)) end
      assert.same({ { "set", "top/s/q", "max_age", 100 } }, other.children[1].edits)
    end)
  end)
end)
