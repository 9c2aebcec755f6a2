-- SPDX-License-Identifier: Apache-2.0
-- Names in brackets after a test are those of the OTP or fauxtp case that it was made after.

local worlds = require "world"

describe("a group of siblings", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function tree_of(strategy, ...)
    world:tree { strategy = strategy, intensity = { restarts = 2, within = 3600 }, ... }
    world:forget()
  end

  describe("under one_for_all", function()
    it("is stopped in reverse and started in order (one_for_all, "
      .. "supervisor_one_for_all_restarts_all_children_when_one_fails)", function()
      tree_of("one_for_all", "a", "b", "c")
      world:crash "b"
      assert.same({ "exit b", "restart b", "stop c", "exit c", "stop a", "exit a", "start a", "start b", "start c",
        "ready a", "ready b", "ready c" }, world:heard())
      assert.same({ 2, 2, 2 }, { world:generations("a", "b", "c") })
      world:crash "a"
      world:crash "c"
      assert.equal("error", world.ended.kind)
    end)

    it("ends when a restart keeps failing (one_for_all_escalation)", function()
      tree_of("one_for_all", "a", "b")
      world.scripts.b.on_start = "fail"
      world:crash "a"
      world:step(1)
      assert.equal("error", world.ended.kind)
      assert.equal(4, world.scripts.b.starts + 1)
    end)

    it("is stopped again when another fails its restart, then all start "
      .. "(one_for_all_other_child_fails_restart)", function()
      tree_of("one_for_all", "a", "b", "c")
      world.scripts.b.on_start = function(_, script)
        script.on_start = "ok"
        error("not yet", 0)
      end
      world:crash "c"
      world:step(1)
      assert.same({ 3, 3, 3 }, { world:generations("a", "b", "c") })
      for _, name in ipairs { "a", "b", "c" } do assert.equal("running", world:phase(name)) end
    end)

    it("starts a transient one too that had ended well (tree)", function()
      tree_of("one_for_all", "a", world:worker("t", { restart = "transient" }))
      world:finish "t"
      assert.equal("done", world:phase "t")
      world:crash "a"
      assert.equal("running", world:phase "t")
    end)

    it("does not start a temporary bystander again, and forgets it (temporary_bystander)", function()
      tree_of("one_for_all", world:worker("t", { restart = "temporary" }), "a", "b")
      world:crash "a"
      assert.is_nil(world:phase "t")
      assert.equal(1, world.scripts.t.starts)
      assert.same({ 2, 2 }, { world:generations("a", "b") })
      assert.equal("running", world:phase "root")
    end)

    it("leaves a FATAL one and one that was never to be started alone", function()
      tree_of("one_for_all", "a", world:worker("f", { restart = function() return "give_up" end }),
        world:worker("n", { autostart = false }))
      world:crash "f"
      assert.equal("fatal", world:phase "f")
      world:crash "a"
      assert.same({ 2, 1, 0 }, { world:generations("a", "f", "n") })
    end)

    it("waits for the slowest to be gone before anything starts (3.22)", function()
      tree_of("one_for_all", "a", "b")
      world.scripts.b.hangs_stopping = true
      world:crash "a"
      world:step(4)
      assert.same({ 1, 1 }, { world:generations("a", "b") })
      world.scripts.b.hangs_stopping = false
      world:step(3)
      assert.same({ 2, 2 }, { world:generations("a", "b") })
    end)

    it("counts two that die together as one or two, and never starts twice", function()
      tree_of("one_for_all", "a", "b", "c")
      world.scripts.a:crash()
      world.scripts.c:crash()
      world:step(0)
      world:step(1)
      assert.same({ "running", "running", "running" }, { world:phase "a", world:phase "b", world:phase "c" })
      local a, b, c = world:generations("a", "b", "c")
      assert.is_true(a == b and b == c and a <= 3, ("%d %d %d"):format(a, b, c))
    end)

    it("stops in the middle of a group restart when it is told to", function()
      tree_of("one_for_all", "a", "b")
      world.scripts.b.hangs_stopping = true
      world:crash "a"
      world:stop(10)
      assert.equal("shutdown", world.ended.kind)
      assert.equal(1, world.scripts.a.starts)
    end)

    it("stops at once and starts when the delay of a paced one is over", function()
      tree_of("one_for_all", world:worker("a", { backoff = { min = 2, jitter = 0 } }), "b")
      world:crash "a"
      assert.same({ "backoff", "stopped" }, { world:phase "a", world:phase "b" })
      world:step(1.9)
      assert.same({ 1, 1 }, { world:generations("a", "b") })
      world:step(0.1)
      assert.same({ 2, 2 }, { world:generations("a", "b") })
      assert.same({ "running", "running" }, { world:phase "a", world:phase "b" })
    end)

    it("waits for a slow sibling that is still stopping when the delay is over", function()
      tree_of("one_for_all", world:worker("a", { backoff = { min = 1, jitter = 0 } }),
        world:worker("b", { shutdown = 3 }))
      world.scripts.b.hangs_stopping = true
      world:crash "a"
      world:step(2)
      assert.same({ "restarting", "stopping" }, { world:phase "a", world:phase "b" })
      world.scripts.b.hangs_stopping = false
      world:step(3)
      assert.same({ 2, 2 }, { world:generations("a", "b") })
    end)

    it("stops in the middle of a paced group restart when it is told to", function()
      tree_of("one_for_all", world:worker("a", { backoff = { min = 2, jitter = 0 } }), "b")
      world:crash "a"
      world:stop(10)
      assert.equal("shutdown", world.ended.kind)
      assert.same({ 1, 1 }, { world.scripts.a.starts, world.scripts.b.starts })
    end)
  end)

  describe("under rest_for_one", function()
    it("replaces the later ones only (rest_for_one, order_of_children)", function()
      tree_of("rest_for_one", "d", "b", "c", "a")
      world:crash "b"
      assert.same({ "exit b", "restart b", "stop a", "exit a", "stop c", "exit c", "start b", "start c", "start a",
        "ready b", "ready c", "ready a" }, world:heard())
      assert.same({ 1, 2, 2, 2 }, { world:generations("d", "b", "c", "a") })
    end)

    it("replaces just the last one when that dies, and all when the first does", function()
      tree_of("rest_for_one", "a", "b", "c")
      world:crash "c"
      assert.same({ 1, 1, 2 }, { world:generations("a", "b", "c") })
      world:crash "a"
      assert.same({ 2, 2, 3 }, { world:generations("a", "b", "c") })
      world:crash "b"
      assert.equal("error", world.ended.kind)
    end)

    it("escalates when a later one fails its restart (rest_for_one_escalation)", function()
      tree_of("rest_for_one", "a", "b")
      world.scripts.b.on_start = "fail"
      world:crash "a"
      world:step(1)
      assert.equal("error", world.ended.kind)
    end)

    it("retries from the one that failed; earlier ones are not started again "
      .. "(rest_for_one_other_child_fails_restart)", function()
      tree_of("rest_for_one", "a", "b", "c")
      world.scripts.b.on_start = function(_, script)
        script.on_start = "ok"
        error("not yet", 0)
      end
      world:crash "a"
      world:step(1)
      assert.same({ 2, 3, 3 }, { world:generations("a", "b", "c") })
      for _, name in ipairs { "a", "b", "c" } do assert.equal("running", world:phase(name)) end
    end)

    it("does not start a temporary bystander again (temporary_bystander)", function()
      tree_of("rest_for_one", "a", world:worker("t", { restart = "temporary" }), "b")
      world:crash "a"
      assert.is_nil(world:phase "t")
      assert.same({ 2, 2 }, { world:generations("a", "b") })
    end)

    it("keeps a paced retry from touching the earlier ones (hanging_restart_loop_rest_for_one)", function()
      tree_of("rest_for_one", "a", world:worker("b", { backoff = { min = 1, jitter = 0 } }), "c")
      world.scripts.b.on_start = "fail"
      world:crash "b"
      world:step(5)
      assert.equal(1, (world:generations "a"))
      assert.equal("running", world:phase "a")
      assert.is_true(world:call("terminate_child", "root", "b"))
      world:stop(1)
      assert.equal("shutdown", world.ended.kind)
    end)

    it("widens the restart when an earlier one dies while the later ones are being stopped", function()
      tree_of("rest_for_one", "a", "b", "c")
      world.scripts.c.hangs_stopping = true
      world:crash "b"
      world:crash "a"
      world.scripts.c.hangs_stopping = false
      world:step(10)
      assert.same({ 2, 2, 2 }, { world:generations("a", "b", "c") })
      for _, name in ipairs { "a", "b", "c" } do assert.equal("running", world:phase(name)) end
    end)
  end)

  it("keeps the specs of permanent and transient ones, and none of temporary ones "
    .. "(do_not_save_child_specs_for_temporary_children)", function()
    for _, strategy in ipairs { "one_for_one", "one_for_all", "rest_for_one" } do
      for _, ending in ipairs { "crash", "finish", "terminate" } do
        local other = worlds.new()
        other:tree { strategy = strategy, intensity = { restarts = 10, within = 1 },
          other:worker("p", { restart = "permanent" }), other:worker("t", { restart = "transient" }),
          other:worker("x", { restart = "temporary" }) }
        for _, name in ipairs { "x", "t", "p" } do
          if ending == "terminate" then other:call("terminate_child", "root", name) else other[ending](other, name) end
        end
        local left = {}
        for _, child in ipairs(other:unit("root").children:all()) do left[#left + 1] = child.name end
        assert.same({ "p", "t" }, left, strategy .. " " .. ending)
        other:close()
      end
    end
  end)
end)
