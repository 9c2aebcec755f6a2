---@meta host.orphans

-- Processes that no program of this host owns: those that the kernel has handed to it because their parents are dead,
-- and those that an earlier host has left behind. Main thread only.

---@class host.orphans
local orphans = {}

--- The living ones that the kernel has handed over and whose session is not the host's, at most 256; nil when it
--- could not look, for want of a descriptor, say.
---@return integer[]|nil pids
---@return string? message
---@return string? code
function orphans.inherited() end

--- Those among them that carry no mark: nothing tells of which unit they were.
---@return integer[]
function orphans.unmarked() end

--- Kills all that were inherited.
---@return integer count
function orphans.kill_inherited() end

---@class host.orphans.Marked
---@field pid integer
---@field session integer
---@field mark string its LUVISOR_UNIT

--- All processes of the machine whose mark ends with a text, as far as they may be read. Walks /proc in one go. All or
--- nil: where a descriptor is wanting nobody is left out.
---@param ending string
---@return host.orphans.Marked[]|nil
---@return string? message
---@return string? code
function orphans.find(ending) end

--- Signals a process if it is, for certain, the one with that mark; CODE is "ESRCH" when it is not, or is gone.
---@param pid integer
---@param mark string
---@param signal integer
---@return true|nil ok
---@return string? message
---@return string? code
function orphans.signal(pid, mark, signal) end

return orphans
