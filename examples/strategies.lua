-- SPDX-License-Identifier: Apache-2.0
-- What else is restarted when one child fails. Three supervisors have the same children a, b and c; every b fails once.
--   one_for_one   b alone
--   one_for_all   c and a are stopped (the last one first), then a, b and c are started
--   rest_for_one  c, which comes after b, is stopped; then b and c are started
--
--   scripts/run examples/strategies.lua
--
-- Each worker says its generation as it starts, so the log shows who was restarted. The tree runs until Ctrl-C.
-- Try: restart = "temporary" at one of them: it is not started again, neither for its own sake nor with the others.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Member = worker.define()

Member:actor("starting", function(self)
  self.log:info("starts, generation %d", self.generation)
  return "run"
end)

Member:actor("running", { every = 0.1 }, function(self)
  if self.stopping then return "complete" end
  self.beats = (self.beats or 0) + 1
  if self.args.fails and self.generation == 1 and self.beats == 5 then error("fails this once") end
  return "keepalive"
end)

local function team(strategy)
  return luvisor.supervisor {
    name = strategy, strategy = strategy,
    children = {
      luvisor.worker { name = "a", module = Member, args = {} },
      luvisor.worker { name = "b", module = Member, args = { fails = true } },
      luvisor.worker { name = "c", module = Member, args = {} },
    },
  }
end

return luvisor.supervisor {
  name = "strategies",
  children = { team "one_for_one", team "one_for_all", team "rest_for_one" },
}
