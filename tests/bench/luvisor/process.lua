-- SPDX-License-Identifier: Apache-2.0
-- Workers with executor = "process": see runtimes.lua. usage: process.lua [N [TRIPS]]

package.path = arg[0]:match "^(.*)/" .. "/?.lua;" .. package.path
require "runtimes" "process"
