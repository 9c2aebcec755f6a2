-- SPDX-License-Identifier: Apache-2.0
-- OTP's cases of code_change and of significant children in an upgrade, by their names: each as the host applies a plan
-- to its own tree, and as a guest does, which is told its part of it.

local reloads = require "reloads"
local spec = require "luvisor.core.spec"
local worlds = require "world"

local MODES = { any = "any_significant", all = "all_significant", never = "never" }

for where, by_parcel in pairs { ["here"] = false, ["as in a guest"] = true } do
  describe("a code change, " .. where .. ",", function()
    local world

    before_each(function()
      world = worlds.new()
      world.by_parcel = by_parcel
    end)
    after_each(function() world:close() end)

    local function two(mode, is)
      local function one(name) return world:worker(name, { restart = "temporary", significant = is }) end
      return { auto_shutdown = MODES[mode], "bystander", one "a", one "b" }
    end

    local function change(from, was, to, is)
      reloads.tree(world, two(from, was))
      local plan, outcome = reloads.apply(world, two(to, is))
      assert.same({}, outcome.failures)
      for _, name in ipairs { "a", "b", "bystander" } do assert.equal(1, (world:generations(name))) end
      return plan
    end

    -- After which of its two children's ends the tree ends: 1, 2, or 0 for neither.
    local function ends_after()
      for count, name in ipairs { "a", "b" } do
        world:finish(name)
        if world.ended then return count end
      end
      return 0
    end

    for case, one in pairs {
      significant_upgrade_never_any = { "never", nil, "any", true, ends = 1 },
      significant_upgrade_never_all = { "never", nil, "all", true, ends = 2 },
      significant_upgrade_any_never = { "any", true, "never", nil, ends = 0 },
      significant_upgrade_all_never = { "all", true, "never", nil, ends = 0 },
      significant_upgrade_any_all = { "any", true, "all", true, ends = 2 },
      significant_upgrade_all_any = { "all", true, "any", true, ends = 1 },
    } do
      it(("is heeded at the next exit (%s)"):format(case), function()
        local plan = change(one[1], one[2], one[3], one[4])
        assert.truthy(plan:text():find("~ root  changed in place: auto_shutdown", 1, true), plan:text())
        assert.equal(one.ends, ends_after())
      end)

      it(("is not heeded where there was none: the control arm of %s"):format(case), function()
        reloads.tree(world, two(one[1], one[2]))
        assert.equal(({ any = 1, all = 2, never = 0 })[one[1]], ends_after())
      end)
    end

    it("makes children significant, or not any more (significant_upgrade_child)", function()
      for _, mode in ipairs { "any", "all" } do
        for _, is in ipairs { true, false } do
          world:close()
          world = worlds.new()
          world.by_parcel = by_parcel
          change(mode, not is, mode, is)
          assert.equal(is and ({ any = 1, all = 2 })[mode] or 0, ends_after())
        end
      end
    end)

    it("refuses significant children that nobody heeds, and touches nothing (significant_upgrade_child)", function()
      reloads.tree(world, two("never"))
      local before = world:unit("a").spec
      local ok, message = pcall(reloads.apply, world, two("never", true))
      assert.is_false(ok)
      assert.truthy(message:find 'key "significant": supervisor "root" has auto_shutdown = "never"', message)
      assert.equal(before, world:unit("a").spec)
      for _, name in ipairs { "a", "b" } do
        assert.same({ "running", 1 }, { world:phase(name), world:generations(name) })
      end
    end)

    it("has what a child is from then on, and keeps the child (code_change_map)", function()
      local function tree(keys)
        return { intensity = { restarts = keys.n, within = 9 }, world:worker("a", keys.child), "b" }
      end
      reloads.tree(world, tree { n = 1, child = { shutdown = 1 } })
      reloads.apply(world, tree { n = 5, child = { shutdown = 7, restart = "transient" } })
      local unit = world:unit "a"
      assert.same({ 7, "transient", 1 }, { unit.spec.shutdown, unit.spec.restart_name, unit.generation })
      assert.equal(5, world.started.root.intensity.restarts)
      for _ = 1, 5 do world:crash "a" end
      assert.is_nil(world.ended)
      world:finish "a"
      assert.equal("done", world:phase "a")
    end)

    it("refuses faulty supervisors and pools (code_change, code_change_simple_map)", function()
      local pool = { strategy = "simple_one_for_one", template = world:worker "t" }
      reloads.tree(world, { world:supervisor("pool", pool) })
      world:call("start_child", "root/pool", nil)
      for pattern, keys in pairs {
        ["template"] = { strategy = "simple_one_for_one" },
        ["children"] = { strategy = "simple_one_for_one", template = world:worker "t",
          children = { world:worker "u" } },
        ["strategy"] = { strategy = "one_for_none" },
        ["intensity"] = { intensity = { restarts = -1, within = 1 } },
      } do
        keys.name = "pool"
        local ok, made, message = pcall(spec.supervisor, keys)
        assert.is_true(not ok or made == nil)
        assert.truthy(tostring(ok and message or made):find(pattern), tostring(ok and message or made))
      end
      assert.equal(1, world:unit("pool").children.count)
      assert.is_nil(world.ended)
    end)
  end)
end
