-- SPDX-License-Identifier: Apache-2.0
-- A new release without a moment in which nobody serves: two ways.
--
--   cp examples/blue_green.lua tree.lua; scripts/run tree.lua                      in one terminal
--
-- Blue and green: the new colour is started beside the old one, which goes when the new one is ready.
--   sed -i 's/^local LIVE = .*/local LIVE = { "blue", "green" }/' tree.lua; luvisor reload
--   sed -i 's/^local LIVE = .*/local LIVE = { "green" }/' tree.lua; luvisor reload
-- A reload ends when what it has started is ready or has failed, so the second one may depend on the first.
--
-- Rolling: with on_change = "keep" a reload leaves the instances alone, and takes note of the new command; then they
-- are restarted one after the other, each ready before the next, and no further than the first that fails.
--   sed -i 's/^local RELEASE = .*/local RELEASE = "2"/' tree.lua; luvisor reload; luvisor restart --rolling web

local luvisor = require "luvisor"

local LIVE = { "blue" }
local RELEASE = "1"

local function server(name, release, on_change)
  return luvisor.program {
    name = name, count = 2, on_change = on_change, tags = { "front" },
    command = { "sh", "-c", 'echo "serves release $1"; exec sleep 1000', "server", release },
    stdout = { prefix = true }, ready = { line = "serves" },
  }
end

local children = { server("web", RELEASE, "keep") }
for _, colour in ipairs(LIVE) do children[#children + 1] = server(colour, colour) end

return luvisor.supervisor { name = "site", children = children }
