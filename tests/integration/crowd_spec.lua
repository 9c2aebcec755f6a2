-- SPDX-License-Identifier: Apache-2.0
-- One worker that never gives way beside a thousand that beat: the host goes on answering. How fast: scripts/bench
-- runaway. And a crowd of such beside one that beats.

local SPIN = require "spin"
local host = require "host"

local TREE = ([[
  local luvisor, worker = require "luvisor", require "luvisor.worker"
  local beating, bad = worker.define(), worker.define()
  beating:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
  bad:actor("running", function()
    print "begins"
    SPIN
  end)
  local children = {}
  for i = 1, 1000 do children[i] = luvisor.worker { name = "beating" .. i, module = beating } end
  children[1001] = luvisor.worker { name = "bad", restart = "temporary", module = bad }
  return luvisor.supervisor { name = "top", children = children }
]]):gsub("SPIN", SPIN)

local UNWATCHED = { LUVISOR_SLICE = "1000", LUVISOR_STALL = "1000", LUVISOR_KILL = "1000" }

describe("a crowd", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function ask(env)
    host.write(directory .. "/tree.lua", TREE)
    local process = host.spawn({ "run", directory .. "/tree.lua" }, env)
    process:expect("begins", 20)
    return process:client({ "status", "--json" }, 20)
  end

  it("beside a runaway is told of by status", function()
    local code, out = ask { LUVISOR_HEARTBEAT = "60" }
    assert.equal(0, code)
    assert.truthy(out:find('"top/beating1000"', 1, true))
  end)

  it("is not, without the watchdog", function() assert.not_equal(0, (ask(UNWATCHED))) end)
end)

-- Without a limit on what they take in a row, a hundred slices in a row are a missed heartbeat.
describe("a crowd of runaways", function()
  after_each(host.clean_up)

  local function run(body, env)
    local directory = host.directory()
    host.write(directory .. "/tree.lua", (([[
      local luvisor, worker = require "luvisor", require "luvisor.worker"
      local good, bad = worker.define(), worker.define()
      local function spin() SPIN end
      good:actor("running", { every = 0.1 }, function(self)
        print "good"
        return self.stopping and "complete" or "keepalive"
      end)
      bad:actor("running", function(self) BODY end)
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "good", module = good },
        luvisor.worker { name = "bad", module = bad, restart = "temporary" },
      } }
    ]]):gsub("SPIN", SPIN):gsub("BODY", body)))
    local process = host.spawn({ "run", directory .. "/tree.lua" }, env)
    process:expect("top/bad ended: timeout: heartbeat", 60)
    process:expect("good\n", 20, process:count "good\n" + 1)
    assert.equal(0, process:count "top/good ended")
    assert.equal(0, process:stop())
  end

  it("that begin at once takes turns with those that behave", function()
    run("for _ = 1, 300 do self:task(spin) end self:sleep(60)", { LUVISOR_HEARTBEAT = "1" })
  end)

  it("cannot be started without end", function()
    run("while true do self:task(spin) end", { LUVISOR_HEARTBEAT = "1" })
  end)
end)
