-- SPDX-License-Identifier: Apache-2.0
-- auto_shutdown. Names in brackets after a test are those of the OTP case that it was made after.

local luvisor = require "luvisor"
local worlds = require "world"

describe("a supervisor with significant children", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function significant(name, restart)
    return world:worker(name, { restart = restart, significant = true })
  end

  local function tree_of(mode, restart)
    world:tree { auto_shutdown = mode, significant("s1", restart), significant("s2", restart), "other",
      intensity = { restarts = 10, within = 1 } }
  end

  local function has_ended()
    return world.ended and world.ended.kind or false
  end

  it("goes on when others end, in every mode (nonsignificant_temporary, nonsignificant_transient)", function()
    for _, mode in ipairs { "never", "any_significant", "all_significant" } do
      for _, restart in ipairs { "temporary", "transient" } do
        world = worlds.new()
        world:tree { auto_shutdown = mode, world:worker("n1", { restart = restart }),
          world:worker("n2", { restart = restart }), world:worker("n3", { restart = restart }), "other" }
        world:call("terminate_child", "root", "n1")
        world:finish "n2"
        world:crash "n3"
        world:step(1)
        assert.is_false(has_ended())
        world:stop()
        world:close()
      end
    end
    world = worlds.new()
  end)

  describe("any_significant", function()
    it("ends with the first temporary one that ends by itself (significant_temporary)", function()
      for _, ending in ipairs { "crash", "finish" } do
        world = worlds.new()
        tree_of("any_significant", "temporary")
        world[ending](world, "s1")
        assert.equal("shutdown", has_ended())
        assert.equal("shutdown: significant child s1 ended", tostring(world.ended))
        world:close()
      end
      world = worlds.new()
    end)

    it("does not when one is terminated (significant_temporary, significant_transient)", function()
      for _, restart in ipairs { "temporary", "transient" } do
        world = worlds.new()
        tree_of("any_significant", restart)
        world:call("terminate_child", "root", "s1")
        world:step(1)
        assert.is_false(has_ended())
        world:close()
      end
      world = worlds.new()
    end)

    it("restarts a transient one that fails, and ends when it ends well (significant_transient)", function()
      tree_of("any_significant", "transient")
      world:crash "s1"
      assert.is_false(has_ended())
      assert.equal(2, (world:generations "s1"))
      world:finish "s1"
      assert.equal("shutdown", has_ended())
    end)
  end)

  describe("all_significant", function()
    it("ends with the last temporary one (significant_temporary)", function()
      tree_of("all_significant", "temporary")
      world:crash "s1"
      assert.is_false(has_ended())
      world:finish "s2"
      assert.equal("shutdown", has_ended())
    end)

    it("ends with the last transient one that ends well (significant_transient)", function()
      tree_of("all_significant", "transient")
      world:finish "s1"
      world:crash "s2"
      assert.is_false(has_ended())
      world:finish "s2"
      assert.equal("shutdown", has_ended())
    end)

    it("does not count one that was terminated as alive, nor as ending by itself", function()
      tree_of("all_significant", "transient")
      world:call("terminate_child", "root", "s1")
      assert.is_false(has_ended())
      world:finish "s2"
      assert.equal("shutdown", has_ended())
    end)
  end)

  it("stays when they are only bystanders of another's restart (significant_bystander)", function()
    for _, mode in ipairs { "any_significant", "all_significant" } do
      for _, strategy in ipairs { "one_for_one", "one_for_all", "rest_for_one" } do
        world = worlds.new()
        world:tree { auto_shutdown = mode, strategy = strategy, "killed", significant("s1", "transient"),
          significant("s2", "transient") }
        world:crash "killed"
        assert.is_false(has_ended())
        assert.same({ "running", "running" }, { world:phase "s1", world:phase "s2" })
        world:close()
      end
    end
    world = worlds.new()
  end)

  it("stays when a significant temporary bystander goes", function()
    world:tree { auto_shutdown = "any_significant", strategy = "one_for_all", "killed", significant("s1", "temporary") }
    world:crash "killed"
    assert.is_false(has_ended())
    assert.is_nil(world:phase "s1")
  end)

  it("stays while another one is still to come, after the one that ended or with its group", function()
    local function tree(keys)
      keys.auto_shutdown, keys.intensity = "all_significant", { restarts = 9, within = 1 }
      world:tree(keys)
    end
    tree { significant("s1", "transient"),
      world:worker("s2", { restart = "transient", significant = true, after = { s1 = "done" } }) }
    world:finish "s1"
    assert.same({ false, "running" }, { has_ended(), world:phase "s2" })
    world:finish "s2"
    assert.equal("shutdown", has_ended())
    world:close()
    world = worlds.new()
    tree { strategy = "rest_for_one", significant("s1", "temporary"), "killed", significant("s2", "transient"), "deaf" }
    world.scripts.deaf.ignores_stop = true
    world:crash "killed"
    world:step(6) -- the deaf one goes
    world:finish "s1"
    world:step(1)
    assert.same({ false, "running" }, { has_ended(), world:phase "s2" })
  end)

  it("ends the one above when it is significant itself, and not otherwise (significant_escalation)", function()
    local function tree_with(is_significant)
      world:tree { auto_shutdown = "any_significant", "other",
        world:supervisor("inner", { auto_shutdown = "any_significant", significant("s1", "transient"), "t",
          restart = "transient", significant = is_significant or nil }) }
    end
    tree_with(true)
    world:finish "s1"
    assert.equal("shutdown", has_ended())
    world:close()
    world = worlds.new()
    tree_with(false)
    world:finish "s1"
    assert.is_false(has_ended())
    assert.equal("done", world:phase "inner")
  end)

  it("is refused in a pool, in a permanent child and without auto_shutdown (significant_simple, child_specs_map)",
    function()
      for _, mode in ipairs { "never", "any_significant", "all_significant" } do
        for _, restart in ipairs { false, "permanent", "transient", "temporary" } do
          for _, flag in ipairs { true, false } do
            world.scripts.w = nil
            local allowed = not flag or (mode ~= "never" and (restart == "transient" or restart == "temporary"))
            local ok = pcall(function()
              world:supervisor("x", { auto_shutdown = mode,
                world:worker("w", { restart = restart or nil, significant = flag }) })
            end)
            assert.equal(allowed, ok, ("%s %s %s"):format(mode, restart, flag))
          end
        end
      end
      assert.has_error(function()
        luvisor.supervisor { name = "p", strategy = "simple_one_for_one", auto_shutdown = "any_significant",
          template = world:worker "w" }
      end)
    end)
end)
