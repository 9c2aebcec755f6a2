-- SPDX-License-Identifier: Apache-2.0
-- What a supervisor is told of its children, and tells of them. Names in brackets are those of the OTP case.

local dynamic = require "luvisor.machine.supervisor.dynamic"
local fake_watch = require "fake_watch"
local handle = require "luvisor.machine.handle"
local inspect = require "luvisor.machine.inspect"
local luvisor = require "luvisor"
local task = require "host.task"
local workers = require "luvisor.worker"
local worlds = require "world"

describe("a child", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  local function root() return handle.of(world:unit "root") end

  local function listed()
    local names = {}
    for i, one in ipairs(dynamic.which_children(world:unit "root")) do names[i] = one.name end
    return names
  end

  it("shows the defaults of what its spec does not say, by name (sup_start_map)", function()
    world:tree { "a", world:worker("b", { restart = "transient", shutdown = "kill" }), world:supervisor("s", { "x" }),
      world:program "p" }
    local function shown(name)
      local one = world.started:find(root():child(name).path).spec
      return { one.kind, one.restart_name, one.shutdown, one.significant or false, one.autostart }
    end
    assert.same({ "worker", "permanent", 5, false, true }, shown "a")
    assert.same({ "worker", "transient", "kill", false, true }, shown "b")
    assert.same({ "program", "permanent", 10, false, true }, shown "p")
    assert.same({ "supervisor", "permanent", false }, { shown("s")[1], shown("s")[2], shown("s")[4] })
    assert.is_true(shown("s")[3] > 5)
    local none, message, code = root():child "nobody"
    assert.is_nil(none)
    assert.same({ "root has no child nobody", "NOT_FOUND" }, { message, code })
  end)

  it("of a pool shows those of the template, by handle; another's is not found (sup_start_map_simple)", function()
    world:tree { "other", world:supervisor("pool", { strategy = "simple_one_for_one", template = world:worker "w" }) }
    local pool = world:unit "pool"
    local first, second = world:call("start_child", "pool"), world:call("start_child", "pool")
    for _, child in ipairs { first, second } do
      assert.same({ "worker", "permanent", 5, true }, { child.spec.kind, child.spec.restart_name, child.spec.shutdown,
        child.spec.autostart })
    end
    assert.same({ first, second }, { dynamic.which_children(pool)[1].unit, dynamic.which_children(pool)[2].unit })
    assert.equal("NOT_FOUND", select(3, world:call("terminate_child", "pool", world:unit "other")))
    assert.equal("SIMPLE_ONE_FOR_ONE", select(3, world:call("terminate_child", "pool", "w")))
    assert.is_true(world:call("terminate_child", "pool", first))
    assert.equal("running", world:phase "other")
  end)

  it("that is faulty is refused when it is made, and where it would join, and changes nothing "
    .. "(child_specs, sup_start_map_faulty_specs)", function()
    world:tree { "a" }
    local definition = world.scripts.a.definition
    for pattern, keys in pairs {
      ['key "name": missing'] = { module = definition },
      ['key "module": missing'] = { name = "w" },
      ['key "modul": unknown key, did you mean "module"?'] = { name = "w", modul = definition },
      ['key "restart": unknown value "permament", did you mean "permanent"?'] = { name = "w", restart = "permament" },
      ['key "shutdown": expected seconds'] = { name = "w", module = definition, shutdown = -1 },
      ['key "significant": expected true or false'] = { name = "w", module = definition, significant = "maybe" },
    } do
      local ok, message = pcall(function() return root():start_child(luvisor.worker(keys)) end)
      assert.is_false(ok)
      assert.truthy(message:find(pattern, 1, true), message)
    end
    local significant = luvisor.worker { name = "w", module = definition, significant = true, restart = "temporary" }
    for pattern, what in pairs {
      ["expected a unit, got table"] = { name = "w" },
      ['supervisor "root" has auto_shutdown = "never"'] = significant,
    } do
      local child, message, code = root():start_child(what)
      assert.same({ "nil", "EINVAL" }, { type(child), code })
      assert.truthy(message:find(pattern, 1, true), message)
    end
    world:step(1)
    assert.same({ "a" }, listed())
    assert.equal(1, task.count())
    assert.is_table(world:call("start_child", "root", world:adopt(world:worker "w", "root")))
  end)

  it("has said something of itself by the time its start is answered, at each of its starts (extra_return)", function()
    local fake = fake_watch.add(world.env)
    local function say() fake.say(world.process.spawned[#world.process.spawned]:pid(), "READY=1\nSTATUS=port 4711") end
    world:tree { "a" }
    local spec = world:adopt(world:program("p", { ready = { notify = true } }), "root")
    local answered
    dynamic.start_child(world:unit "root", spec, function(child) answered = handle.of(child):info().status end)
    world:step(1)
    assert.is_nil(answered)
    say()
    world:step(0)
    assert.equal("port 4711", answered)
    world.process.spawned[1]:dies(1)
    world.process.spawned[1]:empties()
    world:step(5)
    assert.same({ 2, "STARTING" }, { world:unit("p").generation, handle.of(world:unit "p"):info().state })
    assert.is_nil(handle.of(world:unit "p"):info().status)
    say()
    assert.equal("port 4711", handle.of(world:unit "p"):info().status)
  end)

  it("whose name somebody else has fails its start, and that one is not taken for it "
    .. "(already_started_outside_supervisor)", function()
    local definition = workers.define()
    definition:actor("starting", function(self)
      assert(self:register "the name")
      return "run"
    end)
    definition:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    world:tree { "a", world:supervisor("elsewhere", { luvisor.worker { name = "foreign", module = definition } }) }
    local foreign = luvisor.find "foreign"
    assert.equal(foreign, luvisor.whereis "the name")
    local function start()
      local own = luvisor.worker { name = "own", module = definition }
      return world:call("start_child", "root", world:adopt(own, "root"))
    end
    local child, message, code = start()
    assert.is_nil(child)
    assert.equal("START_FAILED", code)
    assert.truthy(message:find("the name", 1, true), message)
    assert.equal(foreign, luvisor.whereis "the name")
    assert.same({ "a", "elsewhere" }, listed())
    assert.same({ "running", 1 }, { world:phase "foreign", world:unit("foreign").generation })
    world:call("terminate_child", "elsewhere", "foreign", 1)
    child = start() -- the control: it starts when nobody has the name
    assert.equal(world:unit "own", child)
    assert.equal(luvisor.find "own", luvisor.whereis "the name")
  end)

  it("shows which module runs it, where it was defined, and in which generation (get_callback_module)", function()
    local made = luvisor.worker { name = "x", module = world:worker("x").module }
    local line = debug.getinfo(1, "l").currentline - 1
    world:tree { made, "a" }
    world:crash "x"
    local about = inspect.closely(world:unit "x")
    assert.truthy(about.defined:find("supervisor_children_spec.lua:" .. line, 1, true), about.defined)
    assert.same({ 2, 1 }, { about.generation, inspect.closely(world:unit "a").generation })
    assert.is_nil(about.module) -- given as a table
    world:unit("x").spec.module = "etl.poller"
    assert.equal("etl.poller", inspect.closely(world:unit "x").module)
  end)
end)
