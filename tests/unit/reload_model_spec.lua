-- SPDX-License-Identifier: Apache-2.0
-- Reloads of random trees: load(x); reload(y) ends as load(y) does, whatever x was (3.60).

local branch = require "luvisor.machine.branch"
local reloads = require "reloads"
local worlds = require "world"

local ROUNDS = tonumber(os.getenv "LUVISOR_TEST_ROUNDS" or 60)
local NAMES = { "a", "b", "c", "d", "e" }
local STRATEGIES = { "one_for_one", "one_for_all", "rest_for_one" }

-- A tree as data, so that it can be built in two worlds.
local function random_tree(random, depth)
  local tree = {
    strategy = STRATEGIES[random(3)], intensity = { restarts = random(0, 3), within = random(1, 5) }, children = {},
  }
  local names = { table.unpack(NAMES) }
  for _ = 1, random(0, 4) do
    local name = table.remove(names, random(#names))
    local kind = random(depth > 0 and 3 or 2)
    local child = { name = name, kind = kind, shutdown = random(2) }
    if kind == 1 then child.args = random(2) == 1 and { random(2) } or nil end
    if kind == 2 then child.command = { "prog", tostring(random(2)) } end
    if kind == 3 then child.tree = random_tree(random, depth - 1) end
    tree.children[#tree.children + 1] = child
  end
  return tree
end

local function build(world, tree, path)
  local keys = { strategy = tree.strategy, intensity = tree.intensity }
  for i, child in ipairs(tree.children) do
    local one
    if child.kind == 1 then
      one = world:worker(path .. child.name, { args = child.args, shutdown = child.shutdown })
      one.name = child.name
    elseif child.kind == 2 then
      one = world:program(child.name, { command = child.command, shutdown = child.shutdown, ready = { after = 0 } })
    else
      one = world:supervisor(child.name, build(world, child.tree, path .. child.name .. "-"))
    end
    keys[i] = one
  end
  return keys
end

-- What can be seen of a tree from outside.
local function picture(unit, depth, lines)
  lines = lines or {}
  local spec, state = unit.spec, unit:describe()
  lines[#lines + 1] = ("%s%s %s %s %s"):format(("  "):rep(depth), tostring(unit.name), spec.kind, unit.phase, state)
  local detail = spec.kind == "worker" and unit.instance and tostring(unit.instance.args and unit.instance.args[1])
    or spec.kind == "program" and unit.run and table.concat(unit.run.child.options.command, " ")
    or spec.kind == "supervisor" and ("%s %d %g"):format(spec.strategy, unit.intensity.restarts, unit.intensity.within)
  lines[#lines + 1] = ("%s  %s %s"):format(("  "):rep(depth), tostring(detail), tostring(spec.shutdown))
  for _, child in ipairs(branch.children(unit)) do picture(child, depth + 1, lines) end
  return table.concat(lines, "\n"), lines
end

describe("reloads of random trees", function()
  local function end_programs(world)
    for _ = 1, 30 do
      for _, child in ipairs(world.process.spawned) do
        if not child.ended and #child.sent > 0 then child:dies(0) end
      end
      world:step(0.1)
    end
  end

  it("end as a fresh load does", function()
    local seed = tonumber(os.getenv "LUVISOR_TEST_SEED" or 4711)
    math.randomseed(seed)
    for round = 1, ROUNDS do
      local x, y = random_tree(math.random, 2), random_tree(math.random, 2)
      local world = worlds.new { quiet = true }
      reloads.tree(world, build(world, y, ""))
      end_programs(world)
      local expected = picture(world.started.root, 0)
      world:close()

      world = worlds.new { quiet = true }
      world.by_parcel = round % 2 == 0
      reloads.tree(world, build(world, x, ""))
      end_programs(world)
      local plan, outcome = reloads.apply(world, build(world, y, ""))
      end_programs(world)
      local seen = picture(world.started.root, 0)
      assert.equal(expected, seen, ("round %d of seed %d:\n%s"):format(round, seed, plan:text()))
      assert.same({}, outcome.failures)
      assert.equal("nothing has changed", (reloads.plan(world, build(world, y, ""))):text())
      world:close()
    end
  end)
end)
