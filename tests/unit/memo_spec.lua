-- SPDX-License-Identifier: Apache-2.0
local memo = require "luvisor.core.memo"

describe("a memo", function()
  it("works out once what it is asked for", function()
    local asked = {}
    local doubled = memo(function(number)
      asked[#asked + 1] = number
      return 2 * number
    end)
    assert.equal(6, doubled[3])
    assert.equal(6, doubled[3])
    assert.equal(8, doubled[4])
    assert.same({ 3, 4 }, asked)
  end)
end)
