-- SPDX-License-Identifier: Apache-2.0
-- Faults that were there once, each by what it looked like.

local handle = require "luvisor.machine.handle"
local luvisor = require "luvisor"
local runtime = require "host.runtime"
local worlds = require "world"

describe("what was wrong once:", function()
  local world

  before_each(function() world = worlds.new() end)
  after_each(function() world:close() end)

  it("a second request to stop lifted the supervisor's deadline (3.26)", function()
    world:tree { world:supervisor("s", { world:worker("deaf", { shutdown = "infinity" }), shutdown = 2 }) }
    world.scripts.deaf.ignores_stop = true
    for _ = 1, 2 do assert.equal("no reply", world:call("terminate_child", "root", "s")) end
    world:step(1.9)
    assert.equal("stopping", world:phase "s")
    world:step(0.2)
    assert.equal("stopped", world:phase "s")
  end)

  it("each end of a one-shot looked at all its siblings", function()
    local children, looks = {}, 0
    for i = 1, 300 do children[i] = world:worker("w" .. i, { restart = "transient" }) end
    world:tree(children)
    local root = world.started.root
    local search = root.children.search
    root.children.search = function(self, found)
      return search(self, function(child)
        looks = looks + 1
        return found(child)
      end)
    end
    for i = 1, 300 do world:finish("w" .. i) end
    assert.equal("normal", world.ended.kind)
    assert.is_true(looks < 2000) -- 45,150 when every search begins at the first
  end)

  it("a launch that raised left a unit that could neither run nor be stopped", function()
    local bomb = setmetatable({}, { __pairs = function() error("no copy of me", 0) end })
    world:tree { strategy = "simple_one_for_one", template = world:worker "w" }
    local _, message, code = world:call("start_child", "root", bomb)
    assert.same({ "root/1 failed to start: error: no copy of me", "START_FAILED" }, { message, code })
    world:stop(10)
    assert.equal("shutdown", world.ended.kind)
  end)

  it("a late callback of one wait ended the next", function()
    local late, slept
    world:tree { world:worker "w" }
    world.scripts.w:run(function(self)
      self:await(function(callback)
        late = callback
        callback("early")
        return true
      end)
      runtime.post(function() late("late") end)
      slept = { self:sleep(1) }
      return "keepalive"
    end)
    world:step(0.5)
    assert.is_nil(slept)
    world:step(0.5)
    assert.same({ true }, slept)
  end)

  it("a start that raised left its callback behind", function()
    local late, slept
    world:tree { world:worker "w" }
    world.scripts.w:run(function(self)
      pcall(self.await, self, function(callback)
        late = callback
        error "no"
      end)
      runtime.post(function() late("late") end)
      slept = { self:sleep(1) }
      return "keepalive"
    end)
    world:step(1)
    assert.same({ true }, slept)
  end)

  it("a handle was dead once its unit's supervisor had started again", function()
    world:tree { world:supervisor("s", { "a", intensity = { restarts = 0, within = 1 } }) }
    local before = handle.of(world:unit "a")
    world:crash "a"
    assert.equal(2, world:unit("s").generation)
    assert.equal(before, luvisor.find "a")
    assert.is_true(before:is_alive())
  end)

  it("a child added by hand that ended well at once was not restarted after a crash", function()
    world:tree { "other" }
    local one = world:adopt(world:worker("a", { restart = "permanent" }, { may_skip = true }), "root")
    world.scripts.a.on_start = function(_, script)
      script.on_start = "fail"
      return "skip"
    end
    world:call("start_child", "root", one)
    assert.is_true(world:unit("a").generation > 2)
  end)

  it("an error in the host's own words named no event", function()
    world:tree { world:worker("w", { restart = "temporary" }) }
    world.scripts.w:run(function() return "complet" end)
    world:step(0)
    local exit = world:events_of("exit", "w")[1].exit
    assert.truthy(exit.message:find('did you mean "complete"?', 1, true))
  end)
end)
