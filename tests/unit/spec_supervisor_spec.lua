local spec = require "luvisor.core.spec"

local here = { file = "tree.lua", line = 12 }

local function supervisor(def)
  def.name = def.name or "s"
  return spec.supervisor(def, here)
end

local function assert_refused(expected, value, message, code)
  assert.is_nil(value)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("spec.supervisor", function()
  local function at(line, name, more)
    local def = { name = name, module = "m" }
    for key, value in pairs(more or {}) do def[key] = value end
    return assert(spec.worker(def, { file = "tree.lua", line = line }))
  end

  it("has OTP's defaults, and may be empty", function()
    local s = assert(supervisor {})
    assert.equal("supervisor", s.kind)
    assert.equal("one_for_one", s.strategy)
    assert.equal("never", s.auto_shutdown)
    assert.same({}, s.children)
  end)

  it("keeps its children in a list of its own", function()
    local list = { at(1, "a"), at(2, "b") }
    local s = assert(supervisor { children = list, strategy = "rest_for_one", intensity = { restarts = 0 } })
    assert.equal(list[1], s.children[1])
    assert.equal(list[2], s.children[2])
    assert.not_equal(list, s.children)
  end)

  local P = 'tree.lua:12: supervisor "s": '
  local UNIT = "expected a unit made with luvisor.worker, luvisor.program or luvisor.supervisor, got "
  local a = at(3, "a")
  local pool = { strategy = "simple_one_for_one", template = at(1, "t") }
  local function of_pool(more)
    for key, value in pairs(pool) do
      if more[key] == nil then more[key] = value end
    end
    return more
  end
  local cases = {
    { { strategy = "one_for_al" }, P .. 'key "strategy": unknown value "one_for_al", did you mean "one_for_all"?' },
    { { strategy = 1 }, P .. 'key "strategy": expected one of "one_for_one", "one_for_all", "rest_for_one", '
      .. '"simple_one_for_one", got 1' },
    { { intensity = 3 }, P .. 'key "intensity": expected a table { restarts =, within = }, got 3' },
    { { intensity = { restarts = "infinity" } },
      P .. 'key "intensity.restarts": expected a whole number >= 0, got "infinity"' },
    { { intensity = { restarts = -1 } }, P .. 'key "intensity.restarts": expected a whole number >= 0, got -1' },
    { { intensity = { within = 0 } }, P .. 'key "intensity.within": expected seconds > 0, got 0' },
    { { intensity = { within = 1 / 0 } }, P .. 'key "intensity.within": expected seconds > 0, got inf' },
    { { intensity = { period = 1 } }, P .. 'key "intensity.period": unknown key' },
    { { auto_shutdown = "any" }, P .. 'key "auto_shutdown": unknown value "any", did you mean "any_significant"?' },
    { { childern = {} }, P .. 'key "childern": unknown key, did you mean "children"?' },
    { { children = 3 }, P .. 'key "children": expected a list of units, got 3' },
    { { children = { { name = "x" } } }, P .. 'key "children[1]": ' .. UNIT .. "a plain table" },
    { { children = { a, false } }, P .. 'key "children[2]": ' .. UNIT .. "boolean" },
    { { children = { a, nil, at(4, "b") } }, P .. 'key "children[2]": ' .. UNIT .. "nil (a hole in the list)" },
    { { children = { print } }, P .. 'key "children[1]": ' .. UNIT .. "function" },
    { { children = { x = a } }, P .. 'key "children.x": expected a list of units, found a key' },
    { { a }, P .. "unexpected value at position 1" },
    { { children = { a, at(5, "b"), at(6, "a") } },
      'tree.lua:6: worker "a": key "name": duplicate name, already child 1 of supervisor "s" at tree.lua:3' },
    { { children = { at(2, "z"), a, a } },
      P .. 'key "children[3]": the same unit is already child 2, call the constructor twice' },
    { { children = { at(4, "b", { restart = "transient", significant = true }) } },
      'tree.lua:4: worker "b": key "significant": supervisor "s" has auto_shutdown = "never"' },
    { { children = { at(4, "db"), at(5, "web", { after = { dbb = "ready" } }) } },
      'tree.lua:5: worker "web": key "after": unknown unit "dbb", did you mean "db"?' },
    { { children = { at(4, "x", { after = { y = "ready" } }), at(5, "y", { after = { x = "done" } }) } },
      'tree.lua:4: worker "x": key "after": cycle x -> y -> x' },
    { { children = { at(4, "x", { after = { x = "ready" } }) } },
      'tree.lua:4: worker "x": key "after": cycle x -> x' },
    { { max_children = 0 }, P .. 'key "max_children": expected a whole number >= 1, got 0' },
    { { children = { a, at(4, "b") }, max_children = 1 }, P .. 'key "max_children": there are 2 children' },
    { { template = a }, P .. 'key "template": needs strategy = "simple_one_for_one"' },
    { { strategy = "simple_one_for_one" }, P .. 'key "template": missing, simple_one_for_one needs one' },
    { of_pool { children = { a } },
      P .. 'key "children": simple_one_for_one has a template and no children of its own' },
    { of_pool { auto_shutdown = "any_significant" },
      P .. 'key "auto_shutdown": must be "never" with simple_one_for_one' },
    { of_pool { template = {} }, P .. 'key "template": ' .. UNIT .. "a plain table" },
    { of_pool { template = at(7, "t", { significant = true, restart = "temporary" }) },
      'tree.lua:7: worker "t": key "significant": supervisor "s" has auto_shutdown = "never"' },
    { of_pool { template = at(7, "t", { after = { x = "ready" } }) },
      'tree.lua:7: worker "t": key "after": unknown unit "x", a template has no siblings' },
  }
  describe("(sup_flags, child_specs)", function()
    for _, case in ipairs(cases) do
      it("refuses: " .. case[2], function() assert_refused(case[2], supervisor(case[1])) end)
    end
  end)

  it("takes a template", function()
    local s = assert(supervisor { strategy = "simple_one_for_one", template = a, max_children = 5, children = {} })
    assert.equal(a, s.template)
    assert.same({}, s.children)
  end)

  it("accepts exactly OTP's combinations of restart, significant, auto_shutdown and shutdown "
    .. "(child_specs, child_specs_map)", function()
    local restarts = { false, "permanent", "transient", "temporary" }
    local autos = { false, "never", "any_significant", "all_significant" }
    local shutdowns = { false, 0, 1000, "kill", "infinity" }
    local kinds = { "worker", "program", "supervisor" }
    local checked = 0
    local function given(value) return value or nil end
    local function child_of(kind, r, significant, shutdown)
      return spec[kind] {
        name = "c", restart = given(r), significant = significant, shutdown = given(shutdown),
        module = kind == "worker" and "m" or nil, command = kind == "program" and "true" or nil,
      }
    end
    for _, r in ipairs(restarts) do
      for _, significant in ipairs { 0, true, false } do
        if significant == 0 then significant = nil end
        for _, auto in ipairs(autos) do
          for _, shutdown in ipairs(shutdowns) do
            for _, kind in ipairs(kinds) do
              local child = child_of(kind, r, significant, shutdown)
              local forbidden_child = significant and (not r or r == "permanent")
              assert.equal(not forbidden_child, child ~= nil)
              if child then
                local never = not auto or auto == "never"
                local parent = supervisor { auto_shutdown = given(auto), children = { child } }
                assert.equal(not (significant and never), parent ~= nil)
              end
              checked = checked + 1
            end
          end
        end
      end
    end
    assert.equal(4 * 3 * 4 * 5 * 3, checked)
  end)
end)
