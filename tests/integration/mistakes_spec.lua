-- SPDX-License-Identifier: Apache-2.0
-- Small mistakes, and what is said about them.

local host = require "host"

describe("luvisor says what was meant", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function refused(text, expected)
    host.write(directory .. "/tree.lua", 'local luvisor = require "luvisor"\n' .. text)
    local process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory })
    assert.equal(2, (process:wait()))
    assert.truthy(process:stderr():find(expected, 1, true), process:stderr())
  end

  it("when braces were forgotten", function()
    refused('return luvisor.supervisor { name = "r", children = luvisor.program { name = "p", command = "true" } }',
      'tree.lua:2: supervisor "r": key "children": expected a list of units, got one program: '
      .. "write children = { ... } around it")
  end)

  it("when a function was mistyped", function()
    refused('return luvisor.programm {}', 'tree.lua:2: luvisor has no "programm", did you mean "program"?')
  end)

  it("when the command was left out", function()
    local code, _, err = host.run { "my.lua" }
    assert.equal(2, code)
    assert.truthy(err:find('unknown command "my.lua", did you mean "run my.lua"?', 1, true))
  end)

  it("when it could not be said", function()
    host.write(directory .. "/tree.lua", 'return require "luvisor".supervisor { name = "r" }')
    local shell = host.spawn({ "-c", host.binary .. " check tree.lua >/dev/full" }, nil,
      { cwd = directory, command = { "/bin/sh" } })
    assert.equal(1, (shell:wait()))
    assert.truthy(shell:stderr():find "luvisor: stdout: .*o space left")
    assert.equal(0, (host.run { "check", directory .. "/tree.lua" })) -- the same, where there is room
  end)

  it("when nobody reads on: nothing", function()
    host.write(directory .. "/tree.lua", [[
      local luvisor, children = require "luvisor", {}
      for i = 1, 3000 do children[i] = luvisor.program { name = "p" .. i, command = "true" } end
      return luvisor.supervisor { name = "r", children = children }
    ]])
    local shell = host.spawn({ "-c", host.binary .. " check tree.lua | head -n 1" }, nil,
      { cwd = directory, command = { "/bin/sh" } })
    assert.equal(0, (shell:wait()))
    assert.equal("", shell:stderr())
  end)

  -- What a worker that does this in its first state ends with.
  local function ends(statement, expected)
    host.write(directory .. "/tree.lua", ([[
      local W = require("luvisor.worker").define()
      W:actor("starting", function(self) %s return "run" end)
      W:actor("running", function() return "complete" end)
      return require "luvisor".supervisor { name = "r", children = {
        require "luvisor".worker { name = "w", module = W, restart = "temporary" } } }
    ]]):format(statement))
    host.spawn({ "run", directory .. "/tree.lua" }):expect(expected)
  end

  it("when a method was called with a dot, or waits for nothing", function()
    ends("self.log.info 'x'", "tree%.lua:2: self%.log:info: with a colon, not a dot")
    ends("self:await(5)", "tree%.lua:2: self:await: expected a function, got number")
  end)

  it("when a log line is wrong, at its place", function()
    host.write(directory .. "/tree.lua", [[
      local worker = require "luvisor.worker"
      local W = worker.define()
      W:actor("starting", function(self)
        self.log:info("%d files", "many")
        return "run"
      end)
      W:actor("running", function() return "complete" end)
      return require "luvisor".supervisor { name = "r", children = {
        require "luvisor".worker { name = "w", module = W, restart = "temporary" } } }
    ]])
    local tree = host.spawn { "run", directory .. "/tree.lua" }
    tree:expect "tree%.lua:4: self%.log:info: bad argument #2 to '[%w.]*format' %(number expected, got string%)"
  end)

  it("when nothing runs any more, once", function()
    host.write(directory .. "/tree.lua", [[
      local luvisor = require "luvisor"
      local function doomed(name)
        return luvisor.program { name = name, command = "/none", restart = luvisor.restart.exit_codes {},
          backoff = { min = 0, max = 0 }, critical = false }
      end
      local function once() return "give_up" end
      local one, two = doomed "one", doomed "two"
      one.restart, two.restart = once, once
      return luvisor.supervisor { name = "r", children = { one, two } }
    ]])
    local tree = host.spawn { "run", directory .. "/tree.lua" }
    tree:expect "warn  r nothing runs any more, and nothing will"
    assert.equal(0, tree:stop())
    assert.equal(1, tree:count "nothing runs any more")
  end)
end)
