-- Paths: where a host of a name keeps its files. The socket, the lock and what lives as long as the host does are in
-- one directory that only its owner may enter; it is made here, and refused where somebody else could have put things
-- into it. A socket named outright brings its directory with it, and everything else lies beside it.

local account = require "host.account"
local check = require "luvisor.core.check"
local uv = require "luv"

local paths = {}

local OWN_ONLY, OTHERS_WRITE, STICKY = 448, 18, 512 -- 0700, 0022, 01000
local LONGEST = 107 -- bytes of sockaddr_un.sun_path, less its end

---@class luvisor.Paths
---@field name string
---@field given? boolean  whether the socket was named outright
---@field directory string
---@field socket string   what the client commands connect to
---@field lock string     held for as long as the host lives
---@field pid string
---@field state string    what the next host has to know should this one be killed
---@field log string      of a host in the background
---@field history string   of one, too

local function not_a_path(directory)
  if not directory or directory == "" then return "is not set" end
  if directory:sub(1, 1) ~= "/" then return ("is no absolute path (%s)"):format(directory) end
end

-- XDG_RUNTIME_DIR may be somebody else's, left behind by sudo. And root's hosts are in one place, whether root has
-- logged in (/run/user/0) or a service was started.
local function why_not_usable(runtime)
  local reason = not_a_path(runtime)
  if reason then return reason end
  local status = uv.fs_stat(runtime)
  if not status then return ("is not there (%s)"):format(runtime) end
  if status.uid ~= account.own() then return ("belongs to user %d (%s)"):format(status.uid, runtime) end
  return account.own() == 0 and runtime:find "^/run/user/" and "is of a login of root's" or nil
end

-- Where sockets may be, and what to tell one who has no such place.
local function directories(environment)
  local list, runtime, home = {}, environment.XDG_RUNTIME_DIR, environment.HOME
  local reason, no_home = why_not_usable(runtime), not_a_path(home)
  if not reason then list[1] = runtime .. "/luvisor" end
  if account.own() == 0 then
    list[#list + 1] = "/run/luvisor"
  elseif not no_home then
    list[#list + 1] = home .. "/.luvisor"
  end
  return list, ("XDG_RUNTIME_DIR %s, HOME %s: set XDG_RUNTIME_DIR to a directory of yours, or give --socket PATH")
    :format(reason or "is " .. runtime, no_home or "is " .. home)
end

local function beside(socket, name, log)
  local directory, file = socket:match "^(.*)/([^/]+)$"
  local stem = directory .. "/" .. file:gsub("%.sock$", "")
  log = log or stem .. ".log"
  return {
    name = name, directory = directory, socket = socket, lock = stem .. ".lock", pid = stem .. ".pid",
    state = stem .. ".state", log = log, history = log:gsub("%.log$", "") .. ".history",
  }
end

-- What is written to /run is in memory: a log does not belong there.
local function log_of(name, environment)
  if account.own() == 0 then return ("/var/log/luvisor/%s.log"):format(name) end
  local home = environment.XDG_STATE_HOME or environment.HOME and environment.HOME .. "/.local/state"
  return home and ("%s/luvisor/%s.log"):format(home, name)
end

local function named_outright(socket, name)
  if socket:find("\0", 1, true) or socket:sub(-1) == "/" or socket == "" then
    return nil, ("not the path of a socket: %q"):format(socket), "EINVAL"
  end
  if socket:sub(1, 1) ~= "/" then
    local here, message = uv.cwd()
    if not here then return nil, ("%s: no current directory: %s"):format(socket, message), "EINVAL" end
    socket = here .. "/" .. socket
  end
  local found = beside(socket, name)
  found.given = true
  return found
end

local function check_length(found)
  if #found.socket <= LONGEST then return found end
  return nil, ("the path of the socket is longer than the %d bytes that the system allows: %s"):format(LONGEST,
    found.socket), found.given and "EINVAL" or "ENAMETOOLONG"
end

--- All places a host of that name may have its socket in, the one that a new host takes first.
---@param options { name?: string, socket?: string } of the command line
---@param environment table<string, string>
---@return luvisor.Paths[]|nil empty: this user has no place for one
---@return string? message also where there is no place: why
---@return string? code
function paths.all(options, environment)
  local name = options.name or "default"
  local ok, problem = check.name(name)
  if not ok then return nil, "--name: " .. problem, "EINVAL" end
  local socket = options.socket or not options.name and environment.LUVISOR_SOCKET
  if socket then
    local found, message, code = named_outright(socket, name)
    if found then found, message, code = check_length(found) end
    if not found then return nil, message, code end
    return { found }
  end
  local list, places, advice = {}, directories(environment)
  for i, directory in ipairs(places) do
    local found, message, code = check_length(beside(("%s/%s.sock"):format(directory, name), name,
      log_of(name, environment)))
    if not found then return nil, message, code end
    list[i], found.advice = found, advice
  end
  return list, advice
end

--- Where a new host of that name keeps its files.
---@return luvisor.Paths|nil
---@return string? message
---@return string? code ENOENT: this user has no place for one
function paths.of(options, environment)
  local list, message, code = paths.all(options, environment)
  if not list then return nil, message, code end
  if list[1] then return list[1] end
  return nil, "no place for the control socket: " .. message, "ENOENT"
end

--- Makes a directory that only its owner may enter, with all above it; fine when it is there.
---@param directory string
---@return boolean|nil ok
---@return string? message
---@return string? code
function paths.make(directory)
  local ok, message, code = uv.fs_mkdir(directory, OWN_ONLY)
  if ok or code == "EEXIST" then return true end
  local above = directory:match "^(.+)/[^/]+$"
  if code ~= "ENOENT" or not above then return nil, message, code end
  ok, message, code = paths.make(above)
  if not ok then return nil, message, code end
  ok, message, code = uv.fs_mkdir(directory, OWN_ONLY)
  if ok or code == "EEXIST" then return true end
  return nil, message, code
end

-- Root's may be trusted; in one where everybody may write, like /tmp, nobody may at least take away what is ours.
local function is_trusted(status, given)
  local own = status.uid == account.own()
  if not given then return own and status.mode & OTHERS_WRITE == 0 end
  return (own or status.uid == 0) and (status.mode & OTHERS_WRITE == 0 or status.mode & STICKY ~= 0)
end

--- Whether a socket may be made there: only one that was left behind may be removed for it.
---@param found luvisor.Paths
---@return boolean|nil ok
---@return string? message
---@return string? code
function paths.check_socket(found)
  local status = uv.fs_lstat(found.socket)
  if not status or status.type == "socket" then return true end
  return nil, ("%s: a %s, not a socket; it is left alone"):format(found.socket, status.type), "EEXIST"
end

--- Makes sure that the directory is there, and that nobody else can put anything into our way there.
---@param found luvisor.Paths
---@return boolean|nil ok
---@return string? message
---@return string? code EACCES: somebody else could
function paths.secure(found)
  local directory = found.directory
  local ok, message, code = paths.make(directory)
  if not ok then
    message = ("%s cannot be made for the control socket: %s"):format(directory, message)
    return nil, found.advice and ("%s (%s)"):format(message, found.advice) or message, code
  end
  local status
  status, message, code = uv.fs_lstat(directory)
  if not status then return nil, message, code end
  if status.type ~= "directory" and not found.given then
    return nil, ("%s: a %s, not a directory"):format(directory, status.type), "ENOTDIR"
  end
  if status.type == "link" then status = uv.fs_stat(directory) or status end
  if not is_trusted(status, found.given) then
    return nil, ("%s: others could write to it (it belongs to user %d, mode %03o)"):format(directory, status.uid,
      status.mode & 511), "EACCES"
  end
  if not found.given and status.mode & 511 ~= OWN_ONLY then
    ok, message, code = uv.fs_chmod(directory, OWN_ONLY)
    if not ok then return nil, message, code end
  end
  return paths.check_socket(found)
end

return paths
