-- SPDX-License-Identifier: Apache-2.0
-- A cold start: how much of the library a host has loaded when its first worker runs. Counted, not timed.

local host = require "host"

local MOST = 90 -- of more than 200; 79 when this was written

local TREE = [[
local luvisor = require "luvisor"
local counter = require("luvisor.worker").define()
counter:actor("running", { every = 0.05 }, function(self)
  local count = 0
  for name in pairs(package.loaded) do count = count + (name:find "^luvisor" and 1 or 0) end
  self.log:info("has loaded %d modules", count)
  return self.stopping and "complete" or "keepalive"
end)
return luvisor.supervisor { name = "top", children = { luvisor.worker { name = "counter", module = counter } } }
]]

describe("a cold start", function()
  after_each(host.clean_up)

  it("loads what the first worker needs, and the rest when somebody asks", function()
    local directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    local process = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
    local first = tonumber(process:expect "has loaded (%d+) modules")
    assert.is_true(first <= MOST, first .. " modules")
    assert.equal(0, (process:client({ "status" }, 20)))
    assert.is_true(host.wait_until(function() -- the control arm: it does count them
      local last
      for count in process:output():gmatch "has loaded (%d+) modules" do last = tonumber(count) end
      return last > MOST
    end, 20))
    assert.equal(0, process:stop())
  end)
end)
