-- SPDX-License-Identifier: Apache-2.0
-- A short chaos (scripts/chaos): what must hold holds, whatever is killed; and it would be noticed if it did not.

local host = require "host"

local HELPERS = host.binary:match "^(.*)/[^/]*$" .. "/helpers"

describe("chaos", function()
  after_each(host.clean_up)

  local function chaos(seconds, seed, kinds, orphans)
    local process = host.spawn({ "lua", host.root .. "/tests/chaos/run.lua", tostring(seconds), tostring(seed) }, {
      LUVISOR_HELPERS = HELPERS, LUVISOR_BIN = host.binary, CHAOS_KINDS = kinds, CHAOS_ORPHANS = orphans,
    })
    local code = process:wait(300)
    return code, process:output()
  end

  it("leaves no duplicate, no orphan, no zombie and no wrong state behind", function()
    local code, said = chaos(20, 20)
    assert.equal(0, code, said)
    assert.matches("0 failures", said, 1, true)
  end)

  it("would show what is left behind if nobody looked for it (the control)", function()
    local code, said = chaos(12, 1, "kill_host", "warn")
    assert.equal(1, code, said)
    assert.truthy(said:find("duplicate of", 1, true) or said:find("left over", 1, true), said)
  end)
end)
