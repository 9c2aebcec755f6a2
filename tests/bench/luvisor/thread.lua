-- SPDX-License-Identifier: Apache-2.0
-- Workers with executor = "thread": see runtimes.lua. usage: thread.lua [N [TRIPS]]

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
require "runtimes" "thread"
