local strategy = require "luvisor.core.strategy"

describe("strategy", function()
  local cases = {
    { "one_for_one", 2, 4, {}, { 2 } },
    { "simple_one_for_one", 3, 4, {}, { 3 } },
    { "one_for_all", 2, 4, { 4, 3, 1 }, { 1, 2, 3, 4 } },
    { "one_for_all", 1, 1, {}, { 1 } },
    { "rest_for_one", 2, 4, { 4, 3 }, { 2, 3, 4 } },
    { "rest_for_one", 1, 3, { 3, 2 }, { 1, 2, 3 } },
    { "rest_for_one", 4, 4, {}, { 4 } },
  }
  for _, case in ipairs(cases) do
    it(("%s, child %d of %d"):format(case[1], case[2], case[3]), function()
      local stop, start, remove = strategy.plan(case[1], case[2], case[3])
      assert.same(case[4], stop)
      assert.same(case[5], start)
      assert.same({}, remove)
    end)
  end

  it("stops temporary bystanders and never starts them again", function()
    local function child(name) return { restart_name = name } end
    local children = {
      child "temporary", child "permanent", child "temporary", child "transient", { restart = print },
    }
    local stop, start, remove = strategy.plan("one_for_all", 2, children)
    assert.same({ 5, 4, 3, 1 }, stop)
    assert.same({ 2, 4, 5 }, start)
    assert.same({ 1, 3 }, remove)

    stop, start, remove = strategy.plan("rest_for_one", 2, children)
    assert.same({ 5, 4, 3 }, stop)
    assert.same({ 2, 4, 5 }, start)
    assert.same({ 3 }, remove)
  end)

  it("leaves everyone else alone in one_for_one", function()
    local children = { { restart_name = "temporary" }, { restart_name = "permanent" } }
    local stop, start, remove = strategy.plan("one_for_one", 2, children)
    assert.same({}, stop)
    assert.same({ 2 }, start)
    assert.same({}, remove)
  end)

  it("tells which strategies concern one child only", function()
    assert.is_true(strategy.is_alone "one_for_one")
    assert.is_true(strategy.is_alone "simple_one_for_one")
    assert.is_false(strategy.is_alone "one_for_all")
    assert.is_false(strategy.is_alone "rest_for_one")
  end)
end)
