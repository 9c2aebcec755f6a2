-- SPDX-License-Identifier: Apache-2.0
-- Lua code that computes for ever and never gives way. ThreadSanitizer holds a signal back until a function that it
-- knows is called, and so the code allocates there.

local host = require "host"

return host.binary:find "tsan/" and "while true do local _ = {} end" or "while true do end"
