-- SPDX-License-Identifier: Apache-2.0
-- Runs one spec file with busted, inside luvisor, and reports it as TAP (see tap.lua).
-- usage: luvisor lua tests/support/busted.lua SPEC [BUSTED_OPTION...]
--
-- Modules next to this file can be required by their bare name, those of scripts/ too ("lint.direction").

local run = require("busted.runner")
require("busted") -- while its name does not yet mean this file

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = ("%s/?.lua;%s/../../scripts/?.lua;%s"):format(here, here, package.path)

local options = { "--output", here .. "/tap.lua", "--no-coverage" }
table.move(arg, 1, #arg, #options + 1, options)
options[0] = arg[0]
arg = options

-- No tail call: busted looks at its caller, and would end the process when there is none with a file name.
run({ standalone = false })
