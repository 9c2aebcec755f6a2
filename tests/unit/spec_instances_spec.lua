-- SPDX-License-Identifier: Apache-2.0

local restart = require "luvisor.core.restart"
local spec = require "luvisor.core.spec"

local here = { file = "tree.lua", line = 12 }

local function program(name, more)
  local def = { name = name, command = "true" }
  for key, value in pairs(more or {}) do def[key] = value end
  return assert(spec.program(def, here))
end

local function supervisor(name, children, more)
  local def = { name = name, children = children }
  for key, value in pairs(more or {}) do def[key] = value end
  return spec.supervisor(def, here)
end

local function names(root)
  local list = {}
  for i, child in ipairs(root.children) do list[i] = child.name end
  return list
end

local function resolve(...) return assert(spec.resolve(assert(supervisor(...)))) end

local function refused(expected, value, message, code)
  assert.is_nil(value)
  assert.equal(expected, message)
  assert.equal("EINVAL", code)
end

describe("a program with count", function()
  it("is so many units of their own, in the place of one (process_num)", function()
    local root = resolve("root", { program "a", program("web", { count = 3 }), program "b" })
    assert.same({ "a", "web:0", "web:1", "web:2", "b" }, names(root))
    assert.equal("root/web:1", root.children[3].path)
    assert.equal(10, root.children[3].shutdown)
    assert.near(5 * 10 + 1 + 0.5, root.shutdown, 1e-9)
    assert.same({ "one:0" }, names(resolve("root", { program("one", { count = 1 }) })))
  end)

  it("may have a function of the index for every key (process_num_expanded_in_command_env_and_logfiles)", function()
    local root = resolve("root", { program("web", {
      count = 2, command = function(i) return { "serve", 8000 + i } end, env = function(i) return { N = i } end,
      stdout = function(i) return { file = ("web-%d.log"):format(i) } end, nice = function(i) return i end,
      cwd = function(i) if i == 1 then return "/tmp" end end, tags = function(i) return { "t" .. i } end,
      umask = "027",
    }) })
    local first, second = root.children[1], root.children[2]
    assert.same({ { "serve", "8000" }, { "serve", "8001" } }, { first.command, second.command })
    assert.same({ { N = "0" }, { N = "1" } }, { first.env, second.env })
    assert.same({ "web-0.log", "web-1.log" }, { first.stdout.file, second.stdout.file })
    assert.same({ 0, 1 }, { first.nice, second.nice })
    assert.same({ nil, "/tmp" }, { first.cwd, second.cwd })
    assert.same({ "t1" }, second.tags)
    assert.same({ 23, 23 }, { first.umask, second.umask })
  end)

  it("keeps a policy what it is, and % too (bare_percent_in_command_parses)", function()
    local policy = restart.retries(3)
    local root = resolve("root", { program("web", { count = 1, restart = policy, command = "date +%i%" }) })
    assert.equal(policy, root.children[1].restart)
    assert.same({ "date", "+%i%" }, root.children[1].command)
  end)

  it("is meant as a whole by its name in after, and one by one with the index", function()
    local all, one = program("all", { after = { web = "ready" } }), program("one", { after = { ["web:1"] = "done" } })
    local both = program("both", { after = { web = "ready", ["web:0"] = "done" } })
    local root = resolve("root", { all, one, both, program("web", { count = 2 }) })
    assert.same({ ["web:0"] = "ready", ["web:1"] = "ready" }, all.after)
    assert.same({ ["web:1"] = "done" }, one.after)
    assert.same({ ["web:0"] = "done", ["web:1"] = "ready" }, both.after)
    assert.same({ "web:0", "web:1", "all", "one", "both" }, names(root))
  end)

  it("is meant by its path as well", function()
    local far = program("far", { after = { ["root/inner/web"] = "ready" } })
    local near = program("near", { after = { ["root/inner/web:1"] = "ready" } })
    local inner = assert(supervisor("inner", { program("web", { count = 2 }) }))
    resolve("root", { far, near, inner })
    assert.same({ ["root/inner/web:0"] = "ready", ["root/inner/web:1"] = "ready" }, far.after)
    assert.same({ ["root/inner/web:1"] = "ready" }, near.after)
  end)

  it("is meant by what joins later, too", function()
    local root, settings = assert(spec.resolve(assert(supervisor("root", { program("web", { count = 2 }) }))))
    local late = assert(spec.adopt(root, program("late", { after = { web = "ready" } }), settings))
    assert.same({ ["web:0"] = "ready", ["web:1"] = "ready" }, late.after)
  end)

  it("can start one instance after the other", function()
    local root = resolve("root", { program("web", {
      count = 3, after = function(i) return i > 0 and { [("web:%d"):format(i - 1)] = "ready" } or nil end,
    }) })
    assert.is_nil(root.children[1].after)
    assert.same({ ["web:1"] = "ready" }, root.children[3].after)
  end)

  local P = 'tree.lua:12: program "web": '
  local cases = {
    { { count = 0 }, P .. 'key "count": expected a whole number from 1 to 10000, got 0' },
    { { count = 1.5 }, P .. 'key "count": expected a whole number from 1 to 10000, got 1.5' },
    { { count = "2" }, P .. 'key "count": expected a whole number from 1 to 10000, got "2"' },
    { { count = 10001 }, P .. 'key "count": expected a whole number from 1 to 10000, got 10001' },
    { { count = print }, P .. 'key "count": expected a whole number from 1 to 10000, got function' },
    { { count = 2, comand = "x" }, 'tree.lua:12: program "web:0": key "comand": unknown key, did you mean "command"?' },
    { { count = 2, cwd = function(i) return i == 1 and 7 or "/" end },
      'tree.lua:12: program "web:1": key "cwd": expected a string, got 7' },
    { { count = 2, cwd = function() error("oops", 0) end },
      'tree.lua:12: program "web:0": key "cwd": its function failed: oops' },
    { { count = 2, command = function() end }, 'tree.lua:12: program "web:0": key "command": missing' },
    { { cwd = function() return "/" end }, P .. 'key "cwd": a function of the index needs "count"' },
    { { limits = function() return {} end }, P .. 'key "limits": a function of the index needs "count"' },
  }
  for _, case in ipairs(cases) do
    it("refuses: " .. case[2], function()
      local def = { name = "web", command = "true" }
      for key, value in pairs(case[1]) do def[key] = value end
      refused(case[2], spec.program(def, here))
    end)
  end

  it("wants a name that others cannot have (zero_numprocs_raises, names with a colon)", function()
    local value, message = spec.program({ name = "web:0", command = "true" }, here)
    assert.is_nil(value)
    assert.truthy(message:find("not a name: \"web:0\"", 1, true))
    refused('tree.lua:12: program: key "name": missing', spec.program({ count = 2, command = "true" }, here))
  end)

  it("is refused where it cannot be", function()
    refused(P .. 'key "count": the root is one', spec.resolve(program("web", { count = 2 })))
    local pool = { strategy = "simple_one_for_one", template = program("web", { count = 2 }) }
    refused(P .. 'key "count": only for a child in a supervisor\'s list', supervisor("pool", nil, pool))
    local root, settings = assert(spec.resolve(assert(supervisor("root", {}))))
    refused(P .. 'key "count": only for a child in a supervisor\'s list',
      spec.adopt(root, program("web", { count = 2 }), settings))
  end)

  it("is checked as a child like any other", function()
    refused('tree.lua:12: program "web": key "name": '
      .. 'duplicate name, already child 1 of supervisor "root" at tree.lua:12',
      supervisor("root", { program("web", { count = 2 }), program "web" }))
    refused('tree.lua:12: supervisor "root": key "max_children": there are 3 children',
      supervisor("root", { program("web", { count = 3 }) }, { max_children = 2 }))
    refused('tree.lua:12: program "web:0": key "significant": supervisor "root" has auto_shutdown = "never"',
      supervisor("root", { program("web", { count = 2, significant = true, restart = "transient" }) }))
    refused('tree.lua:12: program "a": key "after": unknown unit "web:2", did you mean "web:0"?',
      supervisor("root", { program("a", { after = { ["web:2"] = "ready" } }), program("web", { count = 2 }) }))
    refused('tree.lua:12: program "web:0": key "after": cycle web:0 -> web:0',
      supervisor("root", { program("web", { count = 2, after = { web = "ready" } }) }))
  end)
end)
