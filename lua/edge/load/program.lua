-- Program: the last part of loading a program: everything that its start will need of the machine, short of starting
-- it, so that `luvisor check` finds what is missing.

local account = require "host.account"
local env_file = require "luvisor.core.env_file"
local identity = require "luvisor.edge.identity"
local uv = require "luv"

local program = {}

-- ---- environment files

local NO_FILE = 2 -- ENOENT

local WAITS = { fifo = true } -- to open it would wait for somebody who writes to it

local function read(path)
  local status = uv.fs_stat(path)
  if status and WAITS[status.type] then return nil, ("%s: a %s, not a file"):format(path, status.type) end
  local file, message, number = io.open(path, "rb")
  if not file then return nil, message, number end
  local text, reason = file:read "a"
  file:close()
  if not text then return nil, ("%s: %s"):format(path, reason) end
  return text
end

-- The variables of all files, the later ones first to be heard.
local function variables_of(spec)
  local all = {}
  for _, one in ipairs(spec.env_file or {}) do
    local text, message, number = read(one.path)
    if not text and not (one.optional and number == NO_FILE) then return nil, "env_file", message end
    local variables, problem, line = env_file.parse(text or "")
    if not variables then return nil, "env_file", ("%s:%d: %s"):format(one.path, line, problem) end
    for name, value in pairs(variables) do all[name] = value end
  end
  return all
end

-- ---- files and directories

local function check_paths(spec)
  if spec.cwd then
    local status, message = uv.fs_stat(spec.cwd)
    if not status then return nil, "cwd", message end
    if status.type ~= "directory" then return nil, "cwd", "not a directory: " .. spec.cwd end
  end
  if type(spec.stdin) == "table" then
    local status, message = uv.fs_stat(spec.stdin.file)
    if not status then return nil, "stdin.file", message end
    if status.type ~= "file" and status.type ~= "char" then
      return nil, "stdin.file", "not a file: " .. spec.stdin.file
    end
  end
  return true
end

-- ---- what takes a capability

local function shown(limit)
  return limit == math.huge and "infinity" or ("%d"):format(limit)
end

local function read_number(path)
  return math.tointeger(tonumber((read(path) or ""):match "%-?%d+"))
end

local function check_limits(spec)
  local nofile, most = spec.limits and spec.limits.nofile, read_number "/proc/sys/fs/nr_open"
  if nofile and most and nofile[2] > most then
    return nil, "limits.nofile", ("%s is more than fs.nr_open, %d"):format(shown(nofile[2]), most)
  end
  if account.may "sys_resource" then return true end
  for resource, pair in pairs(spec.limits or {}) do
    local _, hard = account.limit(resource)
    if pair[2] > hard then
      return nil, "limits." .. resource,
        ("%s is above the host's own hard limit, %s, and raising it takes CAP_SYS_RESOURCE")
          :format(shown(pair[2]), shown(hard))
    end
  end
  return true
end

local function check_nice(spec)
  if not spec.nice or account.may "sys_nice" then return true end
  local own, allowed = uv.os_getpriority(0), 20 - account.limit "nice"
  if spec.nice >= math.min(own, allowed) then return true end
  return nil, "nice", ("%d is below the host's own %d, which takes CAP_SYS_NICE"):format(spec.nice, own)
end

local function check_oom_score(spec)
  local wanted, own = spec.oom_score_adj, read_number "/proc/self/oom_score_adj"
  if not wanted or not own or wanted >= 0 or wanted >= own or account.may "sys_resource" then return true end
  return nil, "oom_score_adj", ("%d is below the host's own %d, which takes CAP_SYS_RESOURCE"):format(wanted, own)
end

local CHECKS = { check_paths, check_limits, check_nice, check_oom_score }

-- ---- all of it

local NONE = {} -- shared by all to whose environment nothing is added

local function merge(...)
  local all = {}
  for _, layer in ipairs { ... } do
    for name, value in pairs(layer) do all[name] = value end
  end
  return all
end

--- Checks a resolved program, and gives it `identity` and `variables`: what it is to be, and what is added to its
--- environment (false takes a name out).
---@param spec luvisor.Spec
---@return true|nil ok
---@return string? key
---@return string? message
function program.prepare(spec)
  local who, key, message = identity.of(spec)
  if not who then return nil, key, message end
  local from_files
  from_files, key, message = variables_of(spec)
  if not from_files then return nil, key, message end
  for _, check in ipairs(CHECKS) do
    local ok
    ok, key, message = check(spec)
    if not ok then return nil, key, message end
  end
  spec.identity = who
  local variables = merge(who.environment, from_files, spec.env or {})
  spec.variables = next(variables) and variables or NONE
  return true
end

return program
