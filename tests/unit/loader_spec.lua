-- SPDX-License-Identifier: Apache-2.0
-- Loading a script beside what runs: what a load that is given up leaves behind.

local host = require "host"
local loader = require "luvisor.edge.loader"

describe("a load that is given up", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function load_and_discard(text)
    host.write(directory .. "/tree.lua", text)
    local loaded = assert(loader.load(directory .. "/tree.lua"))
    loaded.discard()
  end

  local TREE = [[
    %s
    return require "luvisor".supervisor { name = "top", children = {} }]]

  it("keeps what of the library it was the first to need, of which there is one", function()
    local name = "luvisor.core.dashboard" -- as good as any that nothing else here needs
    package.loaded[name] = nil
    load_and_discard(TREE:format(('require "%s".mark = "first"'):format(name)))
    assert.equal("first", require(name).mark)
  end)

  it("keeps a module in C, which others may have by now, also of a load that fails", function()
    local before = package.loaded.lfs
    package.loaded.lfs = nil
    host.write(directory .. "/tree.lua", 'require "lfs" error "too late"')
    local loaded, message = loader.load(directory .. "/tree.lua")
    local kept = package.loaded.lfs
    package.loaded.lfs = before
    assert.is_nil(loaded)
    assert.truthy(message:find "too late", message)
    assert.equal("table", type(kept))
  end)

  it("takes along what it has put there itself", function()
    load_and_discard(TREE:format 'package.loaded.mine = { mark = "first" }')
    assert.is_nil(package.loaded.mine)
  end)
end)
