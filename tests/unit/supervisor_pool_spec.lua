-- SPDX-License-Identifier: Apache-2.0
-- simple_one_for_one. Names in brackets after a test are those of the OTP case that it was made after.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local worlds = require "world"

describe("a pool", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function pool_of(keys, more)
    local template = world:worker("w", keys, { may_skip = true })
    local spec = { strategy = "simple_one_for_one", template = template, intensity = { restarts = 2, within = 3600 } }
    for key, value in pairs(more or {}) do spec[key] = value end
    world:tree(spec)
  end

  local function start(args)
    return world:call("start_child", "root", args)
  end

  local function count()
    return dynamic.count_children(world:unit "root")
  end

  it("starts empty and stays", function()
    pool_of()
    world:step(100)
    assert.equal("running", world:phase "root")
    assert.equal(0, count().specs)
  end)

  it("restarts the one that died; the third death escalates (simple_one_for_one)", function()
    pool_of()
    local first, second = start(), start()
    world.scripts.w:crash(nil, first)
    world:step(0)
    assert.same({ 2, 1 }, { first.generation, second.generation })
    world.scripts.w:crash(nil, first)
    world:step(0)
    world.scripts.w:crash(nil, second)
    world:step(0)
    assert.equal("error", world.ended.kind)
  end)

  it("adds a child's own arguments to the template's, also after a restart (simple_one_for_one_extra)", function()
    pool_of({ args = { dir = "in", deep = { 1 } } })
    local child = start { id = 7 }
    assert.same({ dir = "in", deep = { 1 }, id = 7 }, world.scripts.w.selfs[1].args)
    world.scripts.w:crash(nil, child)
    world:step(0)
    assert.same({ dir = "in", deep = { 1 }, id = 7 }, world.scripts.w.selfs[2].args)
  end)

  it("escalates when a restart keeps failing (simple_one_for_one_escalation)", function()
    pool_of()
    local child = start()
    start()
    world.scripts.w.on_start = "fail"
    world.scripts.w:crash(nil, child)
    world:step(1)
    assert.equal("error", world.ended.kind)
  end)

  it("keeps nothing of a start that failed (sup_start_child_returns_error_simple)", function()
    pool_of()
    world.scripts.w.on_start = "fail"
    local child, message, code = start()
    assert.is_nil(child)
    assert.truthy(message:find("refuses to start", 1, true))
    assert.equal("START_FAILED", code)
    assert.equal(0, count().specs)
    assert.equal("running", world:phase "root")
  end)

  it("drops what ends well before it was ready (sup_start_ignore_temporary_child_start_child_simple, "
    .. "sup_start_ignore_permanent_child_start_child_simple)", function()
    for _, restart in ipairs { "temporary", "transient" } do
      local other = worlds.new()
      world = other
      pool_of { restart = restart }
      world.scripts.w.on_start = "skip"
      assert.equal("table", type(start()))
      assert.equal(0, count().specs)
      world:stop()
      assert.equal("shutdown", world.ended.kind)
      world:close()
    end
    world = worlds.new()
  end)

  it("drops what ends well at its restart (simple_one_for_one_restart_ignore)", function()
    pool_of { restart = "transient" }
    local child = start()
    world.scripts.w.on_start = "skip"
    world.scripts.w:crash(nil, child)
    world:step(0)
    assert.equal(0, count().specs)
    assert.equal("running", world:phase "root")
  end)

  it("forgets every child that ended for good", function()
    pool_of { restart = "temporary" }
    for _ = 1, 5 do world.scripts.w:crash(nil, start()) end
    world:step(0)
    assert.equal(0, count().specs)
  end)

  it("is stopped all at once, within the time of one (simple_one_for_one_shutdown)", function()
    pool_of { shutdown = 1 }
    for _ = 1, 5 do start() end
    world.scripts.w.ignores_stop = true
    local began = world.env.now()
    world:stop(10)
    assert.equal("shutdown", world.ended.kind)
    local took = world:events_of("exit", "root")[1].at - began
    assert.is_true(took >= 1 and took < 3, took)
  end)

  it("kills only those that do not stop (sup_stop_timeout_dynamic)", function()
    pool_of { shutdown = 1 }
    local deaf = start()
    start()
    world.scripts.w:hang(deaf)
    world:step(0)
    world:stop(10)
    local kinds = {}
    for _, event in ipairs(world:events_of("exit")) do kinds[#kinds + 1] = event.exit.kind end
    table.sort(kinds)
    assert.same({ "killed", "shutdown", "shutdown" }, kinds)
  end)

  it("kills all with shutdown = kill (sup_stop_brutal_kill_dynamic)", function()
    pool_of { shutdown = "kill" }
    for _ = 1, 10 do start() end
    world:stop()
    local killed = 0
    for _, event in ipairs(world:events_of("exit")) do
      if event.exit.kind == "killed" then killed = killed + 1 end
    end
    assert.equal(10, killed)
    assert.equal("shutdown", world.ended.kind)
  end)

  it("ends well whatever its children say to the stop (sup_stop_non_shutdown_exit_dynamic)", function()
    for _, restart in ipairs { "permanent", "transient", "temporary" } do
      world = worlds.new()
      pool_of { restart = restart }
      local crashing = start()
      start()
      world.scripts.w:run(function(self)
        while not self.stopping do self:sleep(1) self:beat() end
        error("no", 0)
      end, crashing)
      world:step(0)
      world:stop(10)
      assert.equal("shutdown", world.ended.kind)
      world:close()
    end
    world = worlds.new()
  end)

  it("is addressed by unit, not by name (child_adm_simple)", function()
    pool_of()
    local child = start()
    for _, name in ipairs { "terminate_child", "restart_child", "delete_child" } do
      assert.equal("SIMPLE_ONE_FOR_ONE", (select(3, world:call(name, "root", "w"))))
    end
    assert.equal("SIMPLE_ONE_FOR_ONE", (select(3, world:call("restart_child", "root", child))))
    assert.is_true(world:call("terminate_child", "root", child))
    assert.is_true(world:call("terminate_child", "root", child))
    assert.equal("NOT_FOUND", (select(3, world:call("terminate_child", "root", world:unit "root"))))
  end)

  it("can end one that is in a restart loop (hanging_restart_loop_simple)", function()
    pool_of { backoff = { min = 1, jitter = 0 } }
    local child = start()
    world.scripts.w.on_start = "fail"
    world.scripts.w:crash(nil, child)
    world:step(3)
    assert.same({ 1, 0, 1 }, { count().specs, count().active, count().workers })
    assert.is_true(world:call("terminate_child", "root", child))
    assert.equal(0, count().specs)
  end)

  it("has max_children, and refuses arguments that are no table", function()
    pool_of({ restart = "temporary" }, { max_children = 2 })
    start()
    local second = start()
    assert.equal("MAX_CHILDREN", (select(3, start())))
    world.scripts.w:finish(second)
    world:step(0)
    assert.equal("table", type(start()))
    world:call("terminate_child", "root", second)
    assert.equal("EINVAL", (select(3, world:call("start_child", "root", 7))) == "MAX_CHILDREN" and "EINVAL")
  end)

  it("counts a thousand (count_children, which_children_simple_one_for_one)", function()
    pool_of { restart = "temporary" }
    for _ = 1, 1000 do start() end
    assert.same({ specs = 1000, active = 1000, supervisors = 0, workers = 1000, programs = 0 }, count())
    local all = dynamic.which_children(world:unit "root")
    assert.same({ 1, 1000, "alive" }, { all[1].name, all[1000].name, all[1].state })
    for i = 2, 1000 do world:call("terminate_child", "root", all[i].unit) end
    assert.same({ specs = 1, active = 1, supervisors = 0, workers = 1, programs = 0 }, count())
  end)

  it("lets go of the arguments of ended children (simple_one_for_one_corruption, "
    .. "do_not_save_start_parameters_for_temporary_children)", function()
    pool_of { restart = "temporary" }
    local gone = setmetatable({}, { __mode = "k" })
    for _ = 1, 10 do
      local args = { {} }
      local child = start(args)
      gone[child] = true
      world.scripts.w:crash(nil, child)
      world:step(0)
    end
    world.scripts.w.selfs, world.scripts.w.starts = {}, 0
    world:forget()
    start()
    collectgarbage()
    collectgarbage()
    local left = 0
    for _ in pairs(gone) do left = left + 1 end
    assert.is_true(left <= 1, left)
  end)

  it("ends children at a price that does not grow with their number "
    .. "(simple_one_for_one_scale_many_temporary_children)", function()
    local function time_of(number)
      world = worlds.new { quiet = true }
      pool_of { restart = "temporary" }
      local children = {}
      for i = 1, number do dynamic.start_child(world:unit "root", nil, function(child) children[i] = child end) end
      world:step(0)
      local began = os.clock()
      for i = 1, number do dynamic.terminate_child(world:unit "root", children[i], function() end) end
      world:step(0)
      local took = os.clock() - began
      assert.equal(0, count().specs)
      world:close()
      return took
    end
    local few, many = time_of(1000), time_of(10000)
    assert.is_true(many < 50 * math.max(few, 0.001), ("%g s against %g s"):format(many, few))
    world = worlds.new()
  end)
end)
