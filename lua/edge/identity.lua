-- Identity: whom a program is to run as, looked up when the script is loaded. A user brings its groups and its part of
-- the environment, as in systemd: USER and LOGNAME, HOME unless it is "/", SHELL unless it lets nobody in. What it does
-- not have is taken out, so that nobody finds root's.

local account = require "host.account"

local identity = {}

local NO_SHELL = {}
local AS_IT_IS = { environment = {} } -- shared by all who stay as the host is
for _, name in ipairs { "nologin", "false", "true" } do
  for _, directory in ipairs { "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/" } do NO_SHELL[directory .. name] = true end
end

local function usable(path, is_unusable)
  return path:sub(1, 1) == "/" and not is_unusable and path or false
end

local function environment_of(user)
  local name = user.name or false
  return {
    USER = name, LOGNAME = name,
    HOME = name and usable(user.home, user.home:find "^/+$"),
    SHELL = name and usable(user.shell, NO_SHELL[user.shell]),
  }
end

-- A user known only by its id has no groups, no name and no home.
local function find_user(wanted)
  local user, message, code = account.user(wanted)
  if user then return user end
  if code ~= "ENOENT" then return nil, ("looking up user %s: %s"):format(wanted, message) end
  if math.type(wanted) then return { uid = wanted } end
  return nil, ('unknown user "%s"'):format(wanted)
end

local function find_group(wanted)
  if math.type(wanted) then return wanted end
  local gid, message, code = account.group(wanted)
  if gid then return gid end
  if code ~= "ENOENT" then return nil, ("looking up group %s: %s"):format(wanted, message) end
  return nil, ('unknown group "%s"'):format(wanted)
end

local function own_name()
  local uid = account.own()
  local user = account.user(uid)
  return user and user.name or ("id %d"):format(uid)
end

local function forbidden(what, wanted)
  return ('a host that runs as %s may not start programs as %s %s'):format(own_name(), what, wanted)
end

-- The groups of the user, then those the script adds; each once.
local function all_groups(spec, user, gid)
  local list, seen = {}, {}
  local function add(id)
    if not seen[id] then list[#list + 1], seen[id] = id, true end
  end
  if user and user.name then
    local groups, message = account.groups(user.name, gid)
    if not groups then return nil, "user", ("groups of %s: %s"):format(user.name, message) end
    for _, id in ipairs(groups) do add(id) end
  end
  for i, wanted in ipairs(spec.groups or {}) do
    local id, message = find_group(wanted)
    if not id then return nil, ("groups[%d]"):format(i), message end
    add(id)
  end
  return list
end

local function check_rights(spec, user, gid)
  local uid, own_gid = account.own()
  if user and user.uid ~= uid and not account.may "setuid" then
    return nil, "user", forbidden("user", spec.user)
  elseif spec.group and gid ~= own_gid and not account.may "setgid" then
    return nil, "group", forbidden("group", spec.group)
  elseif spec.groups and not account.may "setgid" then
    return nil, "groups", forbidden("group", table.concat(spec.groups, ", "))
  end
  return true
end

local function lookup(spec)
  local user, gid, message
  if spec.user then
    user, message = find_user(spec.user)
    if not user then return nil, "user", message end
    gid = user.gid
  end
  if spec.group then
    gid, message = find_group(spec.group)
    if not gid then return nil, "group", message end
  end
  if user and not gid then
    return nil, "user", ("id %d has no account, and so no group: give group as well"):format(user.uid)
  end
  return true, user, gid
end

local function look_up(spec)
  local ok, user, gid = lookup(spec)
  if not ok then return nil, user, gid end
  local groups, key, message = all_groups(spec, user, gid)
  if not groups then return nil, key, message end
  ok, key, message = check_rights(spec, user, gid)
  if not ok then return nil, key, message end
  local result = { environment = user and environment_of(user) or {} }
  -- A host without the right to change groups was only asked to be what it is.
  if account.may "setgid" then
    result.uid, result.gid, result.groups = user and user.uid, gid, groups
  end
  return result
end

local found -- by what was asked for, while somebody remembers

local function key_of(spec)
  local parts = { tostring(spec.user), math.type(spec.user) or "", tostring(spec.group), math.type(spec.group) or "" }
  for _, group in ipairs(spec.groups or {}) do parts[#parts + 1] = tostring(group) .. (math.type(group) or "") end
  return table.concat(parts, "\0")
end

--- Has each user and group asked for once, until the result is closed: a name service may take its time.
---@return table to be closed
function identity.remember()
  local before = found
  found = {}
  return setmetatable({}, { __close = function() found = before end })
end

--- What a resolved program is to be; empty where it stays as the host is.
---@param spec luvisor.Spec
---@return { uid?: integer, gid?: integer, groups?: integer[], environment: table<string, string|false> }|nil
---@return string? key
---@return string? message
function identity.of(spec)
  if not (spec.user or spec.group or spec.groups) then return AS_IT_IS end
  local key = found and key_of(spec)
  if key and found[key] then return found[key] end
  local result, where, message = look_up(spec)
  if key and found then found[key] = result end
  return result, where, message
end

return identity
