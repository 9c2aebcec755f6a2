local spec = require "luvisor.core.spec"

local function worker(name, more)
  local def = { name = name, module = "m" }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.worker(def, { file = "tree.lua", line = 1 }))
end

local function supervisor(name, children, more)
  local def = { name = name, children = children }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.supervisor(def))
end

local function names(s)
  local list = {}
  for i, child in ipairs(s.children) do list[i] = child.name end
  return table.concat(list, " ")
end

local function resolve(...) return assert(spec.resolve(...)) end

local function refused(expected, ...)
  local root, message, code = spec.resolve(...)
  assert.is_nil(root)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("spec.resolve puts children into start order", function()
  it("as they are listed when nothing asks for another", function()
    assert.equal("c a b", names(resolve(supervisor("root", { worker "c", worker "a", worker "b" }))))
  end)

  it("after the siblings they name", function()
    local root = resolve(supervisor("root", {
      worker("web", { after = { db = "ready", cache = "started" } }), worker "log", worker "db",
      worker("cache", { after = { db = "ready" } }),
    }))
    assert.equal("log db cache web", names(root))
  end)

  it("after the supervisor in which a unit they name by path lives", function()
    local root = resolve(supervisor("root", {
      supervisor("front", { worker("web", { after = { ["root/back/db"] = "ready" } }), worker "x" }),
      worker "log",
      supervisor("back", { worker "db" }),
    }))
    assert.equal("log back front", names(root))
  end)

  it("of a template too", function()
    local template = worker("t", { after = { ["root/db"] = "ready" } })
    local pool = supervisor("pool", nil, { strategy = "simple_one_for_one", template = template })
    assert.equal("db pool", names(resolve(supervisor("root", { pool, worker "db" }))))
  end)

  it("below a template too", function()
    local template = supervisor("t", { worker("a", { after = { b = "ready" } }), worker "b" })
    local pool = supervisor("pool", nil, { strategy = "simple_one_for_one", template = template })
    resolve(supervisor("root", { pool }))
    assert.equal("b a", names(template))
  end)

  it("and refuses references that lead nowhere", function()
    local function tree(reference)
      return supervisor("root", {
        worker("a", { after = { [reference] = "ready" } }), supervisor("s", { worker "b" }),
      })
    end
    local P = 'tree.lua:1: worker "a": key "after": '
    refused(P .. 'unknown unit "root/x"', tree "root/x")
    refused(P .. 'unknown unit "root/s/x"', tree "root/s/x")
    refused(P .. 'unknown unit "root/s/b/c"', tree "root/s/b/c")
    refused(P .. 'unknown unit "other/s"', tree "other/s")
    refused(P .. "cycle a -> a", tree "root/a")
  end)

  it("and refuses to wait for what contains it, or for what it contains", function()
    local inner = supervisor("in", { worker("a", { after = { ["root/in"] = "ready" } }) })
    refused('tree.lua:1: worker "a": key "after": "root/in" contains it', supervisor("root", { inner }))
    inner = supervisor("in", { worker "a" }, { after = { ["root/in/a"] = "ready" } })
    refused('supervisor "in": key "after": "root/in/a" is inside it', supervisor("root", { inner }))
  end)

  it("and refuses to wait, in a runtime of its own, for what is elsewhere", function()
    local function tree(reference, more)
      local below = supervisor("deep", { worker("a", { after = { [reference] = "ready" } }) })
      return supervisor("root", { supervisor("in", { below, worker "b" }, more), worker "c" })
    end
    refused('tree.lua:1: worker "a": key "after": "root/c" is in another runtime; let "in", which has one of its own, '
      .. "come after it", tree("root/c", { executor = "process" }))
    resolve(tree("root/c")) -- the control
    resolve(tree("root/in/b", { executor = "process" }))
  end)

  it("and refuses cycles between branches", function()
    local root = supervisor("root", {
      supervisor("a", { worker("x", { after = { ["root/b/y"] = "ready" } }) }),
      supervisor("b", { worker "y", worker("z", { after = { ["root/a/x"] = "ready" } }) }),
    })
    refused('supervisor "a": key "after": cycle a -> b -> a', root)
  end)

  it("orders random trees so that nothing starts before what it comes after", function()
    math.randomseed(5)
    for _ = 1, 60 do
      local groups, rank = {}, {}
      local count = math.random(2, 5)
      for g = 1, count do
        local children = {}
        for c = 1, math.random(1, 4) do
          local after = {}
          -- Only what has a lower group, or a lower place in the same group, may be named: no cycles.
          for _ = 1, math.random(0, 2) do
            local other = math.random(g)
            if other < g then
              after[("root/g%d"):format(other)] = "ready"
            elseif c > 1 then
              after[("root/g%d/c%d"):format(g, math.random(c - 1))] = "started"
            end
          end
          table.insert(children, math.random(#children + 1), (worker("c" .. c, { after = after })))
        end
        table.insert(groups, math.random(#groups + 1), (supervisor("g" .. g, children)))
      end
      local root, at = resolve(supervisor("root", groups)), 0
      local waiting = {}
      for _, group in ipairs(root.children) do
        at = at + 1
        rank[group.path] = at
        for _, child in ipairs(group.children) do
          at = at + 1
          rank[child.path] = at
          table.insert(waiting, child)
        end
      end
      for _, child in ipairs(waiting) do
        for path in pairs(child.after or {}) do assert.is_true(rank[path] < rank[child.path]) end
      end
    end
  end)
end)
