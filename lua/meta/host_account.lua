---@meta host.account

-- Users and groups of this machine, and what the host itself may do. A lookup may ask a name service and wait for it:
-- for the loading of a script.

---@class host.account
local account = {}

---@class host.account.User
---@field name string
---@field uid integer
---@field gid integer
---@field home string
---@field shell string

--- A user by name (a string) or by id (an integer); CODE is "ENOENT" when there is none.
---@param name_or_id string|integer
---@return host.account.User|nil user
---@return string? message
---@return string? code
function account.user(name_or_id) end

--- The id of a group.
---@param name string
---@return integer|nil gid
---@return string? message
---@return string? code
function account.group(name) end

--- All groups of a user, `gid` among them.
---@param name string of the user
---@param gid integer
---@return integer[]|nil gids
---@return string? message
---@return string? code
function account.groups(name, gid) end

--- What the host acts as.
---@return integer uid
---@return integer gid
function account.own() end

--- Whether the host has a capability.
---@param capability "setuid"|"setgid"|"sys_nice"|"sys_resource"
---@return boolean
function account.may(capability) end

--- A limit of the host, by the name of its resource ("nofile"); math.huge: none.
---@param resource string
---@return number soft
---@return number hard
function account.limit(resource) end

--- How a program becomes somebody else, or more, when that user executes it; nil when it does not.
---@param path string
---@param uid integer
---@param gid integer
---@return "setuid"|"setgid"|"has capabilities"|nil
function account.elevation(path, uid, gid) end

return account
