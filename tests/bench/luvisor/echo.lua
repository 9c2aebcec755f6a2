-- SPDX-License-Identifier: Apache-2.0
-- The worker that runtimes.lua calls.

local worker = require "luvisor.worker"

local Echo = worker.define()

Echo:call("echo", function(_, value) return value end)

return Echo
