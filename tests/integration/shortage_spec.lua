-- SPDX-License-Identifier: Apache-2.0
-- A host that runs out of descriptors lives, says so, and goes on when there are some again (3.19, 3.38).

local host = require "host"

describe("a host without descriptors to spare", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  -- Each needs two pipes and a pidfd; the first thirty go away when there is a file "go".
  local TREE = [[
    local luvisor = require "luvisor"
    local children = {}
    for i = 1, 60 do
      children[i] = luvisor.program { name = "p" .. i, ready = { after = 0 }, success = { 0 }, stop = { timeout = 5 },
        command = { "sh", "-c", i <= 30 and "while ! [ -e go ]; do sleep 0.1; done" or "exec sleep 1000" },
        stdout = { prefix = true }, stderr = { prefix = true }, restart = i <= 30 and "temporary" or "permanent" }
    end
    return luvisor.supervisor { name = "top", children = children }]]

  local function run(tree, limit)
    host.write(directory .. "/tree.lua", tree)
    return host.spawn({ "-c", ('ulimit -n %d; exec "$0" run tree.lua'):format(limit), host.binary }, nil,
      { cwd = directory, command = { "sh" } })
  end

  it("gives up nobody, and starts everybody when others are gone", function()
    local process = run(TREE, 130)
    process:expect("its programs need some 212 open files, and the host may have 130", 10)
    process:expect("ended: [^\n]*Too many open files[^\n]*, restarts in", 20)
    process:signal "sigquit"
    process:expect("top/?%S* [^\n]*\n", 10)
    host.write(directory .. "/go", "")
    for i = 31, 60 do process:expect(("top/p%d STARTING %%-> RUNNING"):format(i), 30) end
    assert.equal(0, process:count "FATAL", process:output())
    assert.equal(0, process:stop(30))
  end)

  it("is not in want of them with the usual limit, which the same tree shows", function()
    local process = run(TREE, 1024)
    process:expect("top/p60 STARTING %-> RUNNING", 20)
    assert.equal(0, process:count "Too many open files")
    assert.equal(0, process:count "need some")
    host.write(directory .. "/go", "")
    assert.equal(0, process:stop(30))
  end)
end)
