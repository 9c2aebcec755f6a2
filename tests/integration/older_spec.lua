-- SPDX-License-Identifier: Apache-2.0
-- Commands that meet a host that is older than they are.

local host = require "host"

local TREE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "p", command = "sleep 600", ready = { after = 0 } },
} }
]]

describe("a command for a host that is older", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function client(...) return process:client({ ... }, 20) end

  -- A library without what is left out of one of its files.
  local function older(file, from, to)
    local library = directory .. "/lua"
    assert.equal(0, (host.run({ "-r", host.root .. "/lua", library }, nil, 10, { command = { "cp" } })))
    local text, count = host.read(library .. file):gsub(from, to)
    assert.equal(1, count)
    host.write(library .. file, text)
    return library
  end

  it("makes do without what status asks for, and else says what it does not know", function()
    host.write(directory .. "/tree.lua", TREE)
    local library = older("/edge/methods/units.lua", "all = .- brief = [%w.]+ ", "")
    process = host.spawn({ "run", "tree.lua" }, { LUVISOR_LUA = library }, { cwd = directory })
    process:expect "top/p STARTING %-> RUNNING"
    for _, option in ipairs { "--name=default", "--wide" } do
      local code, out = client("status", option)
      assert.equal(0, code)
      assert.matches("\n  p +RUNNING +%d+", out)
    end
    local code, _, err = client("status", "--all")
    assert.same({ 1, "luvisor: status: all: unknown parameter: the host is of another version of luvisor, "
      .. "which does not know that\n" }, { code, err })
  end)

  it("says that the host is too old to know a command", function()
    host.write(directory .. "/tree.lua", TREE)
    local library = older("/edge/methods/units.lua", "methods%.why = ", "local _ = ")
    process = host.spawn({ "run", "tree.lua" }, { LUVISOR_LUA = library }, { cwd = directory })
    process:expect "top/p STARTING %-> RUNNING"
    local code, _, err = client("why", "p")
    assert.equal(1, code)
    assert.matches('^luvisor: why: unknown method "why": the host is of another version of luvisor', err)
  end)
end)
