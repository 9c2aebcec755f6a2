-- SPDX-License-Identifier: Apache-2.0
-- How a guest ends when the want of memory, of which its unit has ended, meets its end as well.

local NAME, RUNTIME, SYSTEM = "luvisor.edge.guest.finish", "host.runtime", "host.system"
local LACK = "not enough memory"

describe("the end of a guest", function()
  local finish, guest, told, has_left, fail_in
  local own = {}

  local function may_fail(place)
    if fail_in ~= place then return end
    fail_in = nil
    error(LACK, 0)
  end

  before_each(function()
    for _, name in ipairs { NAME, RUNTIME, SYSTEM } do own[name] = package.loaded[name] or false end
    package.loaded[NAME] = nil
    package.loaded[RUNTIME] = { after = function() error "nothing is pending" end }
    package.loaded[SYSTEM] = { quit = function() has_left = true end }
    finish = require(NAME)
    told, has_left, fail_in = {}, false, nil
    local parent = {}
    function parent.send(_, frame)
      may_fail "send"
      told[#told + 1] = frame
      return true
    end
    function parent.pending()
      may_fail "leave"
      return 0
    end
    guest = { parent = parent, flush = function() may_fail "flush" end }
  end)

  after_each(function()
    for name, module in pairs(own) do package.loaded[name] = module or nil end
  end)

  it("is told, and it leaves", function()
    finish.finish(guest, { kind = "normal" })
    assert.same({ { "exited", { kind = "normal" } } }, told)
    assert.is_true(has_left)
  end)

  for _, place in ipairs { "flush", "send", "leave" } do
    it("is told once, and it leaves, when a fault comes in between: " .. place, function()
      fail_in = place
      local ok, message = pcall(finish.finish, guest, { kind = "normal" })
      assert.is_false(ok)
      assert.is_false(has_left)
      finish.fault(guest, message)
      assert.same({ { "exited", { kind = "normal" } } }, told)
      assert.is_true(has_left)
    end)
  end
end)
