-- SPDX-License-Identifier: Apache-2.0
-- What functions and tables are made of.

local bytecode = require "luvisor.core.bytecode"
local digest = require "luvisor.core.digest"

local function known(value)
  if value == _G then return "globals" end
end

local function of(text, ...)
  return assert(digest.compute(assert(load(text))(...), known))
end

describe("bytecode", function()
  local function code(text) return bytecode.of(assert(load(text))()) end

  it("is the same wherever the code stands, and whatever is said about it", function()
    local text = [[return function(a) local s = "x" .. a; return function() return s, 1.5, 12345678901, nil end end]]
    assert.equal(code(text), code("\n\n-- a comment\n" .. text:gsub("; ", ";\n\n  -- another\n")))
    assert.not_equal(string.dump(load(text)(), true), string.dump(load("\n" .. text)(), true)) -- the control arm
  end)

  it("tells every change of the code", function()
    local base = "return function(a) local s = 'x' return function() return a + 1, s end end"
    for _, other in ipairs {
      "return function(a) local s = 'y' return function() return a + 1, s end end",
      "return function(a) local s = 'x' return function() return a + 2, s end end",
      "return function(a) local s = 'x' return function() return a - 1, s end end",
      "return function(a, b) local s = 'x' return function() return a + 1, s end end",
      "return function(a) local s = 'x' return function() return s, a + 1 end end",
    } do assert.not_equal(code(base), code(other), other) end
  end)

  it("reads every function of the library", function()
    for name, module in pairs(package.loaded) do
      for key, fn in pairs(type(module) == "table" and name:find "^luvisor" and module or {}) do
        if type(fn) == "function" and debug.getinfo(fn, "S").what ~= "C" then
          assert.not_equal(string.dump(fn, true), bytecode.of(fn), name .. "." .. tostring(key))
        end
      end
    end
  end)
end)

describe("a digest", function()
  it("is the same for what was made twice of the same", function()
    for _, text in ipairs {
      "return { 1, 2.5, 'three', { four = 4 }, [true] = false }",
      "local n = { 1 } return function() return n end",
      "local t = {} t.me = t t.f = function() return t end return t",
      "return setmetatable({}, { __index = function() return 1 end })",
      "return print",
    } do assert.equal(of(text), of(text), text) end
  end)

  it("tells what is different, however deep", function()
    local base = of "local n = { { { 1 } } } return function() return n end"
    for _, text in ipairs {
      "local n = { { { 2 } } } return function() return n end",
      "local n = { { { 1.0 } } } return function() return n end",
      "local n = { { { '1' } } } return function() return n end",
      "local n = { { { [2] = 1 } } } return function() return n end",
      "local n = setmetatable({ { { 1 } } }, { __index = math }) return function() return n end",
    } do assert.not_equal(base, of(text), text) end
    assert.not_equal(of "return { 1, { 2 } }", of "return { { 1 }, 2 }")
    assert.not_equal(of "return print", of "return tostring")
  end)

  it("does not depend on the order in which a table was filled", function()
    local one, other = {}, {}
    for i = 1, 100 do one["k" .. i], other["k" .. 101 - i] = i, 101 - i end
    assert.equal(digest.compute(one, known), digest.compute(other, known))
  end)

  it("says what it cannot know", function()
    local function why(value) return select(2, digest.compute(value, known)) end
    assert.equal("a thread", why { coroutine.create(print) })
    assert.equal("a userdata", why { io.stdout })
    assert.equal("a table with a table as a key", why { [{}] = 1 })
    local chain = {}
    for _ = 1, 20001 do chain = { chain } end
    assert.equal("more than 20000 tables and functions", why(chain))
  end)

  it("is that of the moment in which it was noted", function()
    local function made() local n = 0 return function() n = n + 1 return n end end
    local one, other = made(), made()
    assert.same({ false, "it was made at run time" }, { digest.same(one, other) })
    digest.note(one, known)
    one()
    digest.note(other, known)
    digest.note(one, known)
    assert.is_true((digest.same(one, other)))
    local third = made()
    third()
    digest.note(third, known)
    assert.is_false((digest.same(one, third)))
  end)

  it("of a worker is the same once the library has loaded its own worker for tasks", function()
    local imprint, generations = require "luvisor.edge.load.imprint", require "luvisor.edge.load.generation"
    local worker, CHORE = require "luvisor.worker", "luvisor.edge.chore"
    local function compute() return (digest.compute(worker.define(), imprint.names(generations.current()))) end
    package.loaded[CHORE] = nil
    local before = compute()
    require(CHORE)
    assert.truthy(before)
    assert.equal(before, compute())
  end)
end)
