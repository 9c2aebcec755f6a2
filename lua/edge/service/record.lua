-- Record: what the next host of a name has to know should this one be killed: the instances, its own and those of
-- earlier ones of which somebody may still live. Every process of a unit has that of its host in its mark. It is
-- written before anything is started and removed when everything is gone, so a record that is there tells of a host
-- that was killed. One that is not whole, of another version or of another boot tells of nobody.

local account = require "host.account"
local uv = require "luv"

local record = {}

local OWN_FILE = 384 -- 0600
local HEAD, LONGEST = "luvisor record 1", 65536

local function boot_id()
  local file = io.open "/proc/sys/kernel/random/boot_id"
  local id = file and file:read "l"
  if file then file:close() end
  return id or "unknown"
end

local function parse(text)
  local boot, list = text:match("^" .. HEAD .. "\nboot (%S+)\n(.*)end\n$")
  if not boot then return nil, "is not a whole record of this version" end
  local instances = {}
  for line in list:gmatch "([^\n]*)\n" do
    local instance = line:match "^instance (%d+%.%x+)$"
    if not instance then return nil, "is not a whole record of this version" end
    instances[#instances + 1] = instance
  end
  return boot == boot_id() and instances or {}
end

--- The instances that it tells of, none when there is no record.
---@param path string
---@return string[]|nil instances
---@return string? message
---@return string? code of a system call that failed
function record.read(path)
  local status, message, code = uv.fs_lstat(path)
  if code == "ENOENT" then return {} end
  if not status then return nil, message, code end
  if status.type ~= "file" or status.uid ~= account.own() then return nil, "is not a file of this user" end
  local fd
  fd, message, code = uv.fs_open(path, "r", 0)
  if not fd then return nil, message, code end
  local text = uv.fs_read(fd, LONGEST, 0) or ""
  uv.fs_close(fd)
  return parse(text)
end

local function sync_directory(path)
  local fd = uv.fs_open(path:match "^(.*)/", "r", 0)
  if not fd then return end
  uv.fs_fsync(fd)
  uv.fs_close(fd)
end

-- Made anew: what is there under that name may be a link that somebody else has put there.
local function write_whole(path, text)
  uv.fs_unlink(path)
  local fd, message, code = uv.fs_open(path, "wx", OWN_FILE)
  if not fd then return nil, message, code end
  local written, problem = uv.fs_write(fd, text)
  local synced, reason = uv.fs_fsync(fd)
  uv.fs_close(fd)
  if written ~= #text then return nil, problem or "no space left" end
  if not synced then return nil, reason end
  return true
end

--- Writes it anew; after a crash at any time there is either the old one or the new one. It waits for the disk, where
--- there is one: /run lies in memory.
---@param path string
---@param instances string[]
---@return boolean|nil ok
---@return string? message
---@return string? code of a system call that failed
function record.write(path, instances)
  local lines = { HEAD, "boot " .. boot_id() }
  for _, instance in ipairs(instances) do lines[#lines + 1] = "instance " .. instance end
  lines[#lines + 1] = "end\n"
  local ok, message, code = write_whole(path .. ".new", table.concat(lines, "\n"))
  if ok then ok, message, code = uv.fs_rename(path .. ".new", path) end
  if not ok then return nil, message, code end
  sync_directory(path)
  return true
end

--- Everybody that it tells of is gone.
---@param path string
function record.remove(path)
  uv.fs_unlink(path)
end

return record
