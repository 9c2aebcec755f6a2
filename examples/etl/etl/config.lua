-- SPDX-License-Identifier: Apache-2.0
-- Where the pipeline keeps its things.

local uv = require "luv"

local config = {}

local data = os.getenv "ETL_DATA" or ("%s/luvisor-etl-%d"):format(os.getenv "TMPDIR" or "/tmp", uv.getuid())

config.data = data
config.port = math.tointeger(tonumber(os.getenv "ETL_PORT" or 8765))
if not config.port or config.port < 1 or config.port > 65535 then
  error("ETL_PORT is not a port: " .. os.getenv "ETL_PORT", 0)
end

config.inbox = data .. "/inbox"          -- where files are dropped
config.claimed = data .. "/claimed"      -- taken by the poller, not yet checked
config.rejected = data .. "/rejected"    -- bad files, each with its reason beside it
config.csv = data .. "/spool/csv"        -- good files, for the transformer
config.json = data .. "/spool/json"      -- JSON lines, not yet delivered

-- The directory of tree.lua, one above this file.
config.here = require("luvisor").directory()

return config
