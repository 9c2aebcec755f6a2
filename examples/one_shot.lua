-- SPDX-License-Identifier: Apache-2.0
-- Workers that do one thing and are done. One that ends well is retired, not restarted; when all are, the tree ends
-- with exit code 0. `after` puts them in order, and `args` makes one definition serve several of them.
--
--   scripts/run examples/one_shot.lua && echo all done
--
-- Try: restart = "permanent" for all: said by the script itself, it means what it means in OTP, and the tree goes on
-- until they have been restarted too often.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local Step = worker.define()

Step:actor("running", function(self)
  self:sleep(self.args.seconds)
  self.log:info("%s", self.args.says)
  return "complete"
end)

local function step(name, seconds, says, after)
  return luvisor.worker { name = name, module = Step, args = { seconds = seconds, says = says }, after = after }
end

return luvisor.supervisor {
  name = "one_shot",
  children = {
    step("report", 0.1, "reported", { left = "done", right = "done" }),
    step("left", 0.3, "left half counted"),
    step("right", 0.2, "right half counted"),
  },
}
