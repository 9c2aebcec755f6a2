local strategy = require "luvisor.core.strategy"

-- the positions of what a plan names, among children of such specs
local function plan(name, index, specs)
  local children = {}
  for i, spec in ipairs(specs) do children[i] = { position = i, spec = spec } end
  local lists = { strategy.plan(name, index, children) }
  for _, list in ipairs(lists) do
    for i, child in ipairs(list) do list[i] = child.position end
  end
  return table.unpack(lists)
end

local function permanent(count)
  local specs = {}
  for i = 1, count do specs[i] = { restart_name = "permanent" } end
  return specs
end

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
      local stop, start, remove = plan(case[1], case[2], permanent(case[3]))
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
    local stop, start, remove = plan("one_for_all", 2, children)
    assert.same({ 5, 4, 3, 1 }, stop)
    assert.same({ 2, 4, 5 }, start)
    assert.same({ 1, 3 }, remove)

    stop, start, remove = plan("rest_for_one", 2, children)
    assert.same({ 5, 4, 3 }, stop)
    assert.same({ 2, 4, 5 }, start)
    assert.same({ 3 }, remove)
  end)

  it("leaves everyone else alone in one_for_one", function()
    local children = { { restart_name = "temporary" }, { restart_name = "permanent" } }
    local stop, start, remove = plan("one_for_one", 2, children)
    assert.same({}, stop)
    assert.same({ 2 }, start)
    assert.same({}, remove)
  end)

  it("tells which strategies concern one child only", function()
    for _, name in ipairs(strategy.names) do
      assert.equal(name:match "one_for_one$" ~= nil, strategy.alone[name] == true)
    end
  end)
end)
