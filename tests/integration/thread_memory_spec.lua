-- SPDX-License-Identifier: Apache-2.0
-- What a worker on a thread has to itself while it rests: bytes of its Lua state, and modules of the library. Counted
-- by the worker, which needs nothing of the library for that.

local host = require "host"

local MOST_KB, MOST_MODULES = 95, 14 -- 82 KB and 9 modules when this was written; a bare state has 20 KB

local TREE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.worker { name = "counter", module = "counter", executor = "thread" },
} }
]]

local COUNTER = [[
local Counter = require("luvisor.worker").define()
Counter:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  local count = 0
  for name in pairs(package.loaded) do count = count + (name:find "^luvisor" and 1 or 0) end
  collectgarbage()
  io.stderr:write(("has %d KB and %d modules\n"):format(collectgarbage "count" // 1, count))
  return "keepalive"
end)
return Counter
]]

describe("a worker on a thread", function()
  after_each(host.clean_up)

  it("has little of the library to itself while it rests", function()
    local directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    host.write(directory .. "/counter.lua", COUNTER)
    local process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    local function seen(predicate)
      return function()
        for kb, modules in process:output():gmatch "has (%d+) KB and (%d+) modules" do
          if predicate(tonumber(kb), tonumber(modules)) then return true end
        end
      end
    end
    assert.is_truthy(host.wait_until(seen(function(kb, modules)
      return kb <= MOST_KB and modules <= MOST_MODULES
    end), 20))
    assert.is_truthy(seen(function(kb, modules) -- the control arm: it did have what it began with
      return kb > MOST_KB and modules > MOST_MODULES
    end)())
    assert.equal(0, process:stop())
  end)
end)
