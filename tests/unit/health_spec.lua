-- SPDX-License-Identifier: Apache-2.0
local health = require "luvisor.core.health"

local function judge(limits, results)
  local self, verdicts = health.new(), {}
  for i = 1, #results do
    local ok = results:sub(i, i) == "+"
    verdicts[i] = health.judge(self, limits, ok, not ok and "no " .. i or nil) or "-"
  end
  return table.concat(verdicts, " "), self
end

describe("health.judge", function()
  it("needs so many failures in a row", function()
    assert.equal("- - - - - unhealthy -", (judge({ retries = 3, success = 1 }, "--+----")))
    assert.equal("unhealthy", (judge({ retries = 1, success = 1 }, "-")))
  end)

  it("needs so many passes in a row to take it back", function()
    assert.equal("unhealthy - - - healthy -", (judge({ retries = 1, success = 2 }, "-+-+++")))
    assert.equal("unhealthy healthy unhealthy", (judge({ retries = 1, success = 1 }, "-+-")))
  end)

  it("remembers the last failure, and whether anything ever passed", function()
    local _, self = judge({ retries = 9, success = 1 }, "--")
    assert.same({ "no 2", false }, { self.last, self.proven })
    assert.is_true(select(2, judge({ retries = 9, success = 1 }, "-+-")).proven)
  end)
end)

describe("health.retry_delay", function()
  it("grows from a tenth of a second to one", function()
    assert.equal(0.1, health.retry_delay(1))
    assert.equal(1, health.retry_delay(50))
  end)
end)
