-- SPDX-License-Identifier: Apache-2.0
-- Makes the directory, and forgets what an earlier run left in it.

local worker = require "luvisor.worker"
local config = require "camera.config"
local uv = require "luv"

local Prepare = worker.define()

Prepare:actor("running", function(self)
  local ok, message, code = uv.fs_mkdir(config.data, tonumber("755", 8))
  if not ok and code ~= "EEXIST" then error(message) end
  for _, name in ipairs { "frame.json", "report.txt", "events.txt" } do uv.fs_unlink(config.data .. "/" .. name) end
  self.log:info("try: curl http://127.0.0.1:%s/frame.json", config.port)
  return "complete"
end)

return Prepare
