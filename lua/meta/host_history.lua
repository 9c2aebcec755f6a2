---@meta host.history

-- What happened to the units, in an SQLite database, written by a thread of its own.

---@class host.history
local history = {}

---@class host.history.Keeper
local Keeper = {} -- luacheck: ignore 241

--- Keeps a history in the file at a path; the oldest is forgotten beyond max_age seconds or max_size bytes. CODE is
--- "ENOSYS" where SQLite is not installed. That the file cannot be written shows in count().
---@param path string
---@param max_age number
---@param max_size integer
---@return host.history.Keeper|nil
---@return string? message
---@return string? code
function history.open(path, max_age, max_size) end

--- Has an entry written; never waits.
---@param time number of the wall clock
---@param unit string
---@param kind string
---@param detail string
function Keeper:add(time, unit, kind, detail) end

--- How many entries were written and lost, and why, as long as they are.
---@return integer written
---@return integer lost
---@return string|nil message
function Keeper:count() end

--- Waits until all is written, a second at the most.
function Keeper:close() end

--- Calls fn(time, unit, kind, detail) for each entry since then, until it returns false.
---@param path string
---@param since number
---@param newest_first boolean
---@param fn fun(time: number, unit: string, kind: string, detail: string): boolean
---@return true|nil ok
---@return string? message
---@return string? code
function history.scan(path, since, newest_first, fn) end

return history
