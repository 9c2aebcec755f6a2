-- SPDX-License-Identifier: Apache-2.0

local fake_env = require "fake_env"
local output = require "luvisor.machine.program.output"

local function new(target)
  local env = fake_env.new {}
  -- An errand that ends at once, unless what it calls yields: then it never does.
  function env.errand(_, _, fn, _, done)
    env.errands = (env.errands or 0) + 1
    local errand = coroutine.create(fn)
    local ran = coroutine.resume(errand)
    if coroutine.status(errand) == "dead" then env.post(done, ran) end
    return function() coroutine.close(errand) end
  end
  local self = { env = env, name = "web", spec = { stdout = target, stderr = "inherit" } }
  return self, env, output.stream(self, "stdout")
end

describe("a program's output", function()
  it("is what the script says, with the unit's name where it is asked for", function()
    local _, _, stream = new { file = "x", max_size = 4096, keep = 1, prefix = true, shared = true }
    assert.same({ file = "x", max_size = 4096, keep = 1, prefix = "web | ", lines = true }, stream)
    _, _, stream = new { json = true }
    assert.same({ json = "web" }, stream)
    local self = new { file = "x" }
    self.spec.ready = { line = "^up" }
    assert.same({ file = "x", lines = true }, output.stream(self, "stdout"))
    _, _, stream = new "null"
    assert.equal("null", stream)
  end)

  it("goes to a function line by line, from the loop only, so many at a time", function()
    local heard = {}
    local _, env, take = new(function(line) heard[#heard + 1] = line end)
    take(("line\n"):rep(150))
    take "\nlast\n"
    assert.same({}, heard)
    env.advance(0)
    assert.equal(152, #heard)
    assert.same({ "line", "", "last" }, { heard[1], heard[151], heard[152] })
    assert.equal(1, env.errands)
    take(("line\n"):rep(2500))
    env.advance(0)
    assert.equal(1 + 3, env.errands)
  end)

  it("lets others have their turn when the function is slow", function()
    local count, self = 0, nil
    local _, env, take = new(function()
      count = count + 1
      self.time = self.time + 0.01
    end)
    self = env
    take(("line\n"):rep(7))
    env.advance(1)
    assert.equal(7, count)
    assert.equal(8, env.errands) -- the last finds that there is nothing more
  end)

  it("gives up a line for which the function does not come back, and goes on with the next", function()
    local heard = {}
    local _, env, take = new(function(line)
      if line:find "hang" then coroutine.yield() end
      heard[#heard + 1] = line
    end)
    take "one\nhang\ntwo\n"
    env.advance(4.9)
    assert.same({ "one" }, heard)
    env.advance(0.2)
    assert.same({ "one", "two" }, heard)
    take "hang\nthree\n"
    env.advance(5.1)
    assert.same({ "one", "two", "three" }, heard)
    assert.same({ "error stdout: no answer within 5 s" }, env.logged)
  end)

  it("says how many were dropped while the function is behind, now and then", function()
    local _, env, take = new(function() coroutine.yield() end)
    local kib = ("x"):rep(1023) .. "\n"
    for _ = 1, 1024 + 10 do take(kib) end
    env.advance(31)
    assert.same({ "error stdout: no answer within 5 s", "warn stdout: 10 lines dropped, the function is too slow" },
      env.logged)
    for _ = 1, 20 do take(kib) end
    env.advance(31)
    assert.equal("warn stdout: 13 lines dropped, the function is too slow", env.logged[3])
    assert.equal(3, #env.logged)
  end)

  it("is dropped and counted when the function is a MiB behind, and kept when it is not", function()
    local count = 0
    local _, env, take = new(function() count = count + 1 end)
    local kib = ("x"):rep(1023) .. "\n"
    for _ = 1, 1024 + 10 do take(kib) end
    env.advance(0)
    assert.equal(1024, count)
    assert.same({ "warn stdout: 10 lines dropped, the function is too slow" }, env.logged)
    for _ = 1, 1034 do
      take(kib)
      env.advance(0)
    end
    assert.equal(2058, count)
    assert.equal(1, #env.logged)
  end)

  it("logs a function's first error, and goes on", function()
    local count = 0
    local _, env, take = new(function() count = count + 1; error "oops" end)
    take "one\ntwo\n"
    env.advance(0)
    assert.equal(2, count)
    assert.equal(1, #env.logged)
    assert.truthy(env.logged[1]:find("^error stdout: .*oops"))
  end)

  it("of a failed start is shown by its last ten lines", function()
    local self, env = new "inherit"
    local lines = {}
    for i = 1, 12 do lines[i] = "line " .. i end
    output.show(self, { tail = function() return table.concat(lines, "\n") end })
    assert.equal(10, #env.logged)
    assert.equal("warn stderr: line 3", env.logged[1])
  end)
end)
