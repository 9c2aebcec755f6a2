-- SPDX-License-Identifier: Apache-2.0
-- Where the camera keeps its things, and how small files are written.

local uv = require "luv"

local config = {}

config.data = os.getenv "CAMERA_DATA" or ("%s/luvisor-camera-%d"):format(os.getenv "TMPDIR" or "/tmp", uv.getuid())
config.port = os.getenv "CAMERA_PORT" or "8766"
config.stall = tonumber(os.getenv "CAMERA_STALL" or 40)
config.every = tonumber(os.getenv "CAMERA_EVERY" or 5)

-- The directory of tree.lua, one above this file.
config.here = require("luvisor").directory()

local function put(name, mode, text)
  local file = assert(io.open(config.data .. "/" .. name, mode))
  file:write(text)
  file:close()
end

--- Replaces a file: whoever reads it sees the old contents or the new ones.
function config.replace(name, text)
  put(name .. ".part", "w", text)
  assert(os.rename(config.data .. "/" .. name .. ".part", config.data .. "/" .. name))
end

function config.append(name, text)
  put(name, "a", text)
end

--- The contents of a file, nil when it is not there.
function config.read(name)
  local file = io.open(config.data .. "/" .. name)
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

return config
