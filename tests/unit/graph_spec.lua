local graph = require "luvisor.core.graph"

local function names(cycle)
  return graph.text(cycle, function(i) return string.char(96 + i) end)
end

local function assert_order(order, count, after)
  local position = {}
  for k, i in ipairs(order) do position[i] = k end
  assert.equal(count, #order)
  for i = 1, count do
    assert.is_number(position[i])
    for _, j in ipairs(after[i] or {}) do assert.is_true(position[j] < position[i]) end
  end
end

describe("graph", function()
  it("keeps the order when nothing asks for another", function()
    assert.same({}, graph.order(0, {}))
    assert.same({ 1, 2, 3 }, graph.order(3, {}))
    assert.same({ 1, 2, 3 }, graph.order(3, { [3] = { 1 }, [2] = { 1, 1 } }))
  end)

  it("moves back only what comes after something later", function()
    assert.same({ 2, 3, 1, 4 }, graph.order(4, { { 3 } }))
    assert.same({ 3, 2, 1 }, graph.order(3, { { 2 }, { 3 } }))
    assert.same({ 4, 1, 2, 3 }, graph.order(4, { { 4 }, { 4 }, { 4 } }))
  end)

  it("names cycles from their first item", function()
    local function cycle(count, after)
      local order, found = graph.order(count, after)
      assert.is_nil(order)
      return names(found)
    end
    assert.equal("a -> a", cycle(1, { { 1 } }))
    assert.equal("a -> b -> a", cycle(2, { { 2 }, { 1 } }))
    assert.equal("b -> d -> c -> b", cycle(4, { {}, { 4 }, { 2 }, { 3 } }))
    assert.equal("b -> c -> b", cycle(3, { { 2 }, { 3 }, { 2 } }))
    assert.equal("b -> c -> b", cycle(4, { {}, { 3 }, { 1, 2 }, { 2 } }))
  end)

  it("orders long chains", function()
    local after, count = {}, 20000
    for i = 1, count - 1 do after[i] = { i + 1 } end
    local order = graph.order(count, after)
    assert.equal(count, order[1])
    assert.equal(1, order[count])
  end)

  it("is topological for random graphs, and finds every cycle that is put in", function()
    math.randomseed(3)
    for _ = 1, 200 do
      local count, rank, after = math.random(2, 30), {}, {}
      for i = 1, count do rank[i] = i end
      for i = count, 2, -1 do
        local k = math.random(i)
        rank[i], rank[k] = rank[k], rank[i]
      end
      for _ = 1, math.random(0, count * 2) do
        local i, j = math.random(count), math.random(count)
        if rank[j] < rank[i] then
          after[i] = after[i] or {}
          table.insert(after[i], j)
        end
      end
      assert_order(assert(graph.order(count, after)), count, after)

      local i, j = 1, 2
      after[i], after[j] = after[i] or {}, after[j] or {}
      table.insert(after[i], j)
      table.insert(after[j], i)
      local order, cycle = graph.order(count, after)
      assert.is_nil(order)
      assert.equal(cycle[1], cycle[#cycle])
      for k = 1, #cycle - 1 do
        local found = false
        for _, dependency in ipairs(after[cycle[k]]) do found = found or dependency == cycle[k + 1] end
        assert.is_true(found)
      end
    end
  end)
end)
