-- SPDX-License-Identifier: Apache-2.0
-- OTP's results of the calls that change children (semantics 2.6). Names in brackets are those of the OTP case.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local handle = require "luvisor.machine.handle"
local luvisor = require "luvisor"
local worlds = require "world"

describe("a supervisor at run time", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function code_of(...)
    local result, message, code = world:call(...)
    assert.is_nil(result)
    assert.equal("string", type(message))
    return code
  end

  local function new(name, keys, options)
    return world:adopt(world:worker(name, keys, options), "root")
  end

  local function listed()
    local names = {}
    for i, one in ipairs(dynamic.which_children(world:unit "root")) do names[i] = one.name .. " " .. one.state end
    return names
  end

  it("starts a child at its end of the order (child_adm)", function()
    world:tree { "a" }
    local child = world:call("start_child", "root", new "b")
    assert.equal(world:unit "b", child)
    assert.same({ "a alive", "b alive" }, listed())
  end)

  it("answers once the child is ready, and serves others meanwhile (3.11)", function()
    world:tree { "a" }
    local spec = new "slow"
    world.scripts.slow.on_start, world.scripts.slow.delay = "slow", 5
    local answer
    dynamic.start_child(world:unit "root", spec, function(child) answer = child end)
    world:step(4)
    assert.is_nil(answer)
    assert.is_true(world:call("terminate_child", "root", "a"))
    world:step(1)
    assert.equal(world:unit "slow", answer)
  end)

  it("refuses a name that it has (child_adm)", function()
    world:tree { "a" }
    assert.equal("ALREADY_STARTED", code_of("start_child", "root", new "a"))
    world:call("terminate_child", "root", "a")
    assert.equal("ALREADY_PRESENT", code_of("start_child", "root", new "a"))
  end)

  it("keeps nothing of a start that failed (sup_start_child_returns_error)", function()
    world:tree { "a" }
    local spec = new "bad"
    world.scripts.bad.on_start = "fail"
    assert.equal("START_FAILED", code_of("start_child", "root", spec))
    assert.same({ "a alive" }, listed())
    world:step(10)
    assert.equal(1, world.scripts.bad.starts)
    assert.equal("running", world:phase "root")
  end)

  it("keeps one that ended well before it was ready, unless it is temporary "
    .. "(sup_start_ignore_child, sup_start_ignore_temporary_child_start_child)", function()
    world:tree { "a" }
    local kept = new("kept", { restart = "transient" }, { may_skip = true })
    local gone = new("gone", { restart = "temporary" }, { may_skip = true })
    world.scripts.kept.on_start, world.scripts.gone.on_start = "skip", "skip"
    assert.is_table((world:call("start_child", "root", kept)))
    assert.is_table((world:call("start_child", "root", gone)))
    assert.same({ "a alive", "kept down" }, listed())
    local counts = dynamic.count_children(world:unit "root")
    assert.same({ 2, 1, 0, 2 }, { counts.specs, counts.active, counts.supervisors, counts.workers })
  end)

  it("terminates a child for good, twice if need be (child_adm)", function()
    world:tree { "a", "b" }
    assert.is_true(world:call("terminate_child", "root", "a"))
    assert.same({ "a down", "b alive" }, listed())
    assert.is_true(world:call("terminate_child", "root", "a"))
    assert.equal("NOT_FOUND", code_of("terminate_child", "root", "c"))
    world:step(60)
    assert.equal(1, world.scripts.a.starts)
  end)

  it("forgets a temporary child that it terminates", function()
    world:tree { "a", world:worker("t", { restart = "temporary" }) }
    assert.is_true(world:call("terminate_child", "root", "t"))
    assert.same({ "a alive" }, listed())
    assert.equal("NOT_FOUND", code_of("restart_child", "root", "t"))
  end)

  it("answers a terminate only when the child is gone (3.1)", function()
    world:tree { world:worker("a", { shutdown = 3 }) }
    world.scripts.a.ignores_stop = true
    assert.equal("no reply", world:call("terminate_child", "root", "a", 2.9))
    world:step(2)
    assert.equal("stopped", world:phase "a")
  end)

  it("starts a terminated child again (child_adm, transient_shutdown)", function()
    world:tree { world:worker("a", { restart = "transient" }) }
    assert.equal("RUNNING", code_of("restart_child", "root", "a"))
    world:call("terminate_child", "root", "a")
    assert.equal(world:unit "a", (world:call("restart_child", "root", "a")))
    assert.same({ "a alive" }, listed())
    assert.equal("NOT_FOUND", code_of("restart_child", "root", "c"))
  end)

  it("keeps the entry of a restart by hand that failed (sup_start_restart_child_returns_error)", function()
    world:tree { "a" }
    world:call("terminate_child", "root", "a")
    world.scripts.a.on_start = "fail"
    assert.equal("START_FAILED", code_of("restart_child", "root", "a"))
    assert.same({ "a down" }, listed())
    world:step(10)
    assert.equal(2, world.scripts.a.starts)
  end)

  it("deletes only what is down (child_adm)", function()
    world:tree { "a", "b" }
    assert.equal("RUNNING", code_of("delete_child", "root", "a"))
    world:call("terminate_child", "root", "a")
    assert.is_true(world:call("delete_child", "root", "a"))
    assert.equal("NOT_FOUND", code_of("delete_child", "root", "a"))
    assert.same({ "b alive" }, listed())
  end)

  it("starts the same name again after a temporary one has ended (temporary_shutdown)", function()
    world:tree { "a", world:worker("t", { restart = "temporary" }) }
    world:finish "t"
    assert.is_table((world:call("start_child", "root", new("t", { restart = "temporary" }))))
  end)

  it("calls on one that is not running are refused (child_adm: noproc)", function()
    world:tree { "a", world:supervisor("s", { "b" }) }
    world:call("terminate_child", "root", "s")
    assert.equal("NOT_RUNNING", code_of("start_child", "s", new "c"))
    assert.equal("NOT_RUNNING", code_of("restart_child", "s", "b"))
  end)

  it("lists children in start order, in each state (which_children)", function()
    world:tree { "a", world:worker("b", { backoff = { min = 9, jitter = 0 } }), world:supervisor("s", { "x" }),
      world:program "p" }
    world:crash "b"
    world:call("terminate_child", "root", "a")
    assert.same({ "a down", "b restarting", "s alive", "p alive" }, listed())
    local all = dynamic.which_children(world:unit "root")
    assert.same({ "worker", "worker", "supervisor", "program" }, { all[1].kind, all[2].kind, all[3].kind, all[4].kind })
    assert.same({ specs = 4, active = 2, supervisors = 1, workers = 2, programs = 1 },
      dynamic.count_children(world:unit "root"))
  end)

  it("counts supervisors (count_children_supervisor)", function()
    local children = {}
    for i = 1, 100 do children[i] = world:supervisor("s" .. i, { world:worker("w" .. i) }) end
    world:tree(children)
    assert.same({ specs = 100, active = 100, supervisors = 100, workers = 0, programs = 0 },
      dynamic.count_children(world:unit "root"))
  end)

  it("forgets dynamic children at its own restart, and restores its static ones (tree)", function()
    world:tree { world:supervisor("s", { "a", intensity = { restarts = 0, within = 1 } }) }
    world:call("start_child", "s", world:adopt(world:worker "d", "s"))
    assert.equal("running", world:phase "d")
    world:crash "a"
    assert.equal("running", world:phase "s")
    assert.equal("running", world:phase "a")
    assert.is_nil(world:phase "d")
  end)

  it("resets a FATAL child that is started by hand (3.10)", function()
    world:tree { world:worker("f", { backoff = { min = 1, jitter = 0 }, restart = luvisor.restart.retries(1) }), "b" }
    world.scripts.f.on_start = "fail"
    world:crash "f"
    world:step(10)
    assert.equal("fatal", world:phase "f")
    assert.same({ "f down", "b alive" }, listed())
    world.scripts.f.on_start = "ok"
    assert.equal(world:unit "f", (world:call("restart_child", "root", "f")))
    assert.equal("running", world:phase "f")
  end)

  it("stops what it is starting when it is told to meanwhile (3.1)", function()
    world:tree { "a" }
    local spec = new "slow"
    world.scripts.slow.on_start, world.scripts.slow.delay = "slow", 5
    local code
    dynamic.start_child(world:unit "root", spec, function(_, _, c) code = c end)
    world:step(1)
    world:stop(20)
    assert.equal("shutdown", world.ended.kind)
    assert.equal("STOPPED", code)
    assert.same({}, world:events_of("ready", "slow"))
  end)

  it("tells who starts a child again that it was stopped meanwhile (3.1)", function()
    world:tree { "a" }
    world:call("terminate_child", "root", "a")
    world.scripts.a.on_start, world.scripts.a.delay = "slow", 5
    local code
    dynamic.restart_child(world:unit "root", "a", function(_, _, c) code = c end)
    world:step(1)
    world:call("terminate_child", "root", "a", 10)
    assert.same({ "STOPPED", "stopped" }, { code, world:phase "a" })
  end)

  it("becomes ready without a child that is terminated while it starts", function()
    local slow = world:worker "slow"
    world.scripts.slow.on_start = "hang"
    world:tree { "a", world:supervisor("s", { slow, "b" }) }
    assert.equal("starting", world:phase "s")
    world:call("terminate_child", "s", "slow", 8)
    assert.same({ "stopped", "running", "running" }, { world:phase "slow", world:phase "s", world:phase "root" })
  end)

  describe("by handle", function()
    it("can be asked from within a worker, which waits for the answer", function()
      world:tree { "a", "b" }
      local sup, got = handle.of(world:unit "root"), {}
      local spec = world:worker "c"
      world.scripts.a:run(function()
        got[1] = sup:start_child(spec)
        got[2] = table.pack(sup:start_child(spec))
        got[3] = sup:terminate_child "c"
        got[4] = sup:delete_child "c"
        got[5] = table.pack(sup:child "c")
        return "keepalive"
      end)
      world:step(0)
      assert.equal("root/c", got[1].path)
      assert.same({ "ALREADY_STARTED", true, true, "NOT_FOUND" }, { got[2][3], got[3], got[4], got[5][3] })
    end)

    it("is the same for the same unit, and stays good over restarts", function()
      world:tree { "a", "b" }
      local one = assert(luvisor.find "a")
      world:crash "a"
      assert.equal(one, luvisor.find "root/a")
      assert.not_equal(one, luvisor.find "b")
      assert.same({ "root/a", "running", 2 }, { one.path, one:info().phase, one:info().generation })
      assert.is_true(one:is_alive())
      assert.equal(luvisor.find "root", one:supervisor())
      assert.is_nil(luvisor.find("root"):supervisor())
      assert.equal("unit root/a", tostring(one))
    end)

    it("does not wait outside of workers, and does the work all the same", function()
      world:tree { "a" }
      assert.is_true(luvisor.find("root"):terminate_child "a")
      assert.equal("running", world:phase "a")
      world:step(0)
      assert.equal("stopped", world:phase "a")
    end)

    it("refuses supervisor calls on others", function()
      world:tree { "a" }
      assert.error_matches(function() luvisor.find("a"):which_children() end, "not a supervisor")
    end)
  end)
end)
