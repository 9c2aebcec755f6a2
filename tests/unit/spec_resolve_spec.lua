local spec = require "luvisor.core.spec"

local function worker(name, more)
  local def = { name = name, module = "m" }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.worker(def, { file = "tree.lua", line = 1 }))
end

local function program(name, more)
  local def = { name = name, command = "true" }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.program(def))
end

local function supervisor(name, children, more)
  local def = { name = name, children = children }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.supervisor(def))
end

local function resolve(...) return assert(spec.resolve(...)) end

local function refused(expected, ...)
  local root, message, code = spec.resolve(...)
  assert.is_nil(root)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("spec.resolve", function()
  it("gives every unit its path", function()
    local leaf, template = worker "leaf", worker "t"
    local inner = supervisor("inner", { leaf })
    local pool = supervisor("pool", nil, { strategy = "simple_one_for_one", template = template })
    local root = resolve(supervisor("root", { inner, pool }))
    assert.equal("root", root.path)
    assert.equal("root/inner/leaf", leaf.path)
    assert.equal("root/pool/t", template.path)
  end)

  it("fills in the built-in values", function()
    local w, p = worker "w", program "p"
    local root = resolve(supervisor("root", { w, p }))
    assert.equal(30, w.start_timeout)
    assert.equal(5, w.shutdown)
    assert.is_nil(w.backoff)
    assert.equal(60, p.start_timeout)
    assert.equal(10, p.shutdown)
    assert.same({ min = 0.1, max = 30, factor = 2, jitter = 0.1, reset_after = 60 }, p.backoff)
    assert.is_true(p.die_with_host)
    assert.is_nil(root.start_timeout)
    assert.is_nil(root.backoff)
    assert.same({ restarts = 3, within = 5 }, root.intensity)
  end)

  it("prefers the unit's key, then the script, then the environment, then the built-in value", function()
    local environment = { LUVISOR_SHUTDOWN = "4", LUVISOR_START_TIMEOUT = "3", LUVISOR_WITHIN = "9" }
    local own = worker("own", { shutdown = 1, start_timeout = 2 })
    local plain, p = worker "plain", program("p", { die_with_host = true })
    local inner = supervisor("inner", {}, { intensity = { restarts = 8 } })
    local root = resolve(supervisor("root", { own, plain, p, inner }), { shutdown = 2, die_with_host = false },
      environment)
    assert.equal(1, own.shutdown)
    assert.equal(2, own.start_timeout)
    assert.equal(2, plain.shutdown)
    assert.equal(3, plain.start_timeout)
    assert.equal(2, p.shutdown)
    assert.is_true(p.die_with_host)
    assert.same({ restarts = 3, within = 9 }, root.intensity)
    assert.same({ restarts = 8, within = 9 }, inner.intensity)
    plain = worker "plain"
    resolve(plain, nil, environment)
    assert.equal(4, plain.shutdown)
  end)

  it("returns the settings of the tree as well", function()
    local _, settings = resolve(supervisor("root", {}), { mailbox = 5 })
    assert.equal(5, settings.mailbox)
    assert.equal(64 << 20, settings.history_size)
  end)

  it("takes backoff from the unit, filled from the settings; off with false", function()
    local asked, partial = worker("asked", { backoff = true }), worker("partial", { backoff = { min = 2 } })
    local off, p = program("off", { backoff = false }), program "p"
    resolve(supervisor("root", { asked, partial, off, p }), { backoff = { factor = 3 } })
    assert.equal(3, asked.backoff.factor)
    assert.same({ min = 2, max = 30, factor = 3, jitter = 0.1, reset_after = 60 }, partial.backoff)
    assert.is_false(off.backoff)
    assert.equal(asked.backoff, p.backoff)
  end)

  it("accepts no limit for the start", function()
    local w = worker("w", { start_timeout = "infinity" })
    resolve(w)
    assert.is_false(w.start_timeout)
  end)

  describe("derives the shutdown of a supervisor", function()
    it("from its children in a row, with slack", function()
      local inner = supervisor("inner", {
        worker "a", worker("b", { shutdown = 2 }), worker("c", { shutdown = "kill" }),
      })
      local root = resolve(supervisor("root", { inner, program "p" }))
      assert.near(7 + 1 + 0.3, inner.shutdown, 1e-9)
      assert.near(inner.shutdown + 10 + 1 + 0.2, root.shutdown, 1e-9)
    end)

    it("as infinite when a child's is", function()
      local inner = supervisor("inner", { worker("a", { shutdown = "infinity" }) })
      assert.equal("infinity", resolve(supervisor("root", { inner })).shutdown)
    end)

    it("from the template, since those stop all at once", function()
      local pool = { strategy = "simple_one_for_one", template = worker("t", { shutdown = 3 }) }
      assert.near(4.1, resolve(supervisor("pool", nil, pool)).shutdown, 1e-9)
    end)

    it("unless the script says it", function()
      local inner = supervisor("inner", { worker "a" }, { shutdown = 60 })
      local root = resolve(supervisor("root", { inner }))
      assert.equal(60, inner.shutdown)
      assert.is_true(root.shutdown > 60)
      assert.is_true(root.shutdown_derived)
      assert.is_nil(inner.shutdown_derived)
    end)

    it("always later than the last child's deadline, however deep", function()
      local unit = worker("leaf", { shutdown = 10 })
      for depth = 1, 4 do unit = supervisor("s" .. depth, { unit, worker "x", worker "y" }) end
      local at = resolve(unit)
      while at.children do
        local sum = 0
        for _, child in ipairs(at.children) do sum = sum + child.shutdown end
        assert.is_true(at.shutdown > sum)
        at = at.children[1]
      end
    end)

    it("again for the children of the moment", function()
      local root = resolve(supervisor("root", { worker "a" }))
      local two = { root.children[1], root.children[1] }
      assert.near(root.shutdown + 5.1, spec.shutdown(root, two), 1e-9)
    end)
  end)

  it("changes nothing the second time", function()
    local function shape(unit)
      local copy = {}
      for key, value in pairs(unit) do copy[key] = value end
      copy.children = {}
      for i, child in ipairs(unit.children or {}) do copy.children[i] = shape(child) end
      return copy
    end
    local root = supervisor("root", {
      worker("b", { after = { a = "ready" }, backoff = { min = 1 } }), worker "a", program "p",
    })
    local first = shape(resolve(root, { shutdown = 3 }))
    assert.same(first, shape(resolve(root, { shutdown = 3 })))
  end)

  it("refuses a unit that is used twice in the tree", function()
    local shared = worker "shared"
    refused('tree.lua:1: worker "shared": the same unit is used twice, as "root/a/shared" and as "root/b/shared"',
      supervisor("root", { supervisor("a", { shared }), supervisor("b", { shared }) }))
  end)

  it("refuses a root that cannot be one", function()
    refused("the script returned no unit", nil)
    refused("the script returned no unit, but a table", {})
    refused("the script returned no unit, but a string", "x")
    refused('tree.lua:1: worker "w": key "after": the root has no siblings', worker("w", { after = { x = "ready" } }))
    refused('tree.lua:1: worker "w": key "significant": the root has no supervisor',
      worker("w", { significant = true, restart = "temporary" }))
  end)

  it("refuses wrong settings", function()
    refused('key "restart": unknown setting, did you mean "restarts"?', worker "w", { restart = 3 })
    refused('LUVISOR_RESTARTS: expected a whole number >= 0, got "x"', worker "w", nil, { LUVISOR_RESTARTS = "x" })
  end)

  it("takes a single worker or program as the root", function()
    assert.equal("w", resolve(worker "w").path)
    assert.equal("p", resolve(program "p").path)
  end)

  describe("adopt", function()
    it("resolves a unit that joins later", function()
      local root, settings = resolve(supervisor("root", { supervisor("in", {}) }), { shutdown = 2 })
      local child = assert(spec.adopt(root.children[1], worker "late", settings))
      assert.equal("root/in/late", child.path)
      assert.equal(2, child.shutdown)
    end)

    it("refuses what does not fit", function()
      local root, settings = resolve(supervisor("root", {}))
      local child, message = spec.adopt(root, worker("w", { significant = true, restart = "temporary" }), settings)
      assert.is_nil(child)
      assert.equal('tree.lua:1: worker "w": key "significant": supervisor "root" has auto_shutdown = "never"', message)
      child, message = spec.adopt(root, {}, settings)
      assert.is_nil(child)
      assert.equal("expected a unit, got table", message)
    end)
  end)
end)
