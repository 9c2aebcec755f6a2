-- Executable: the file that a program's command stands for, found as its launch would find it.

local uv = require "luv"

local executable = {}

local DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin" -- where there is no PATH
local ANYBODY = 73 -- 0111: who may execute it is for the kernel to say, when it is known who asks

local function can_be_run(file)
  local status = uv.fs_stat(file)
  return status and status.type == "file" and status.mode & ANYBODY ~= 0
end

--- The variable PATH that a resolved program has.
---@param spec luvisor.Spec
---@return string
function executable.path(spec)
  local own = (spec.variables or spec.env or {}).PATH
  if own == nil and not spec.clear_env then own = os.getenv "PATH" end
  return own or DEFAULT_PATH
end

--- The file, or nil when there is none that can be executed.
---@param spec luvisor.Spec a resolved program
---@param name? string in place of what its command names
---@return string|nil
function executable.find(spec, name)
  local file = name or spec.command[1]
  if file:find "/" then
    file = file:sub(1, 1) == "/" and file or (spec.cwd or ".") .. "/" .. file
    return can_be_run(file) and file or nil
  end
  for directory in executable.path(spec):gmatch "[^:]+" do
    local candidate = directory .. "/" .. file
    if directory:sub(1, 1) == "/" and can_be_run(candidate) then return candidate end
  end
  return nil
end

return executable
