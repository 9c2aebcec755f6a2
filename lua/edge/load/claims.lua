-- Claims: that no two units write to one file unknowingly, whatever its names: links and directories are followed, as
-- far as they are there when the script is loaded.

local lazy = require "luvisor.core.lazy"
local output = lazy "luvisor.core.spec.output"
local uv = require "luv"

local claims = {}

-- What a file is, rather than what it is called.
local function identity(path)
  local status = uv.fs_stat(path)
  if status then return ("%d:%d"):format(status.dev, status.ino) end
  local directory, name = path:match "^(.*/)([^/]*)$"
  local real = uv.fs_realpath(directory or ".")
  return real and real .. "/" .. (name or path) or path
end

local function walk(spec, files)
  if spec.kind == "program" then return output.claim(files, spec, identity) end
  for _, child in ipairs(spec.children or {}) do
    local ok, message, code = walk(child, files)
    if not ok then return nil, message, code end
  end
  return true
end

--- Checks a resolved tree.
---@param root luvisor.Spec
---@return true|nil ok
---@return string? message
---@return string? code
function claims.check(root)
  return walk(root, {})
end

return claims
