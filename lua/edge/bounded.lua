-- Bounded: calls a function of the user's outside of every worker, with limits on its time and on the memory that it
-- takes. The limits hold for Lua code: they are looked at every few thousand instructions.

local uv = require "luv"

local bounded = {}

local INSTRUCTIONS = 10000 -- between two looks

--- Calls fn(...) under xpcall; beyond a limit an error is raised in it, again and again until it gives up.
---@param limits { seconds: number, bytes: number, what: string }
---@param fn function
---@return boolean ok
---@return any result
function bounded.call(limits, fn, ...)
  local due = uv.hrtime() + limits.seconds * 1e9
  local most = collectgarbage "count" + limits.bytes / 1024
  local function look()
    local late = uv.hrtime() > due
    if not late and collectgarbage "count" > most then
      collectgarbage()
      if collectgarbage "count" <= most then return end
    elseif not late then
      return
    end
    debug.sethook(look, "", 1) -- so that no pcall goes on
    local limit = late and ("%g s"):format(limits.seconds) or ("%d MB"):format(limits.bytes // 2 ^ 20)
    error(("%s takes more than %s"):format(limits.what, limit), 0)
  end
  debug.sethook(look, "", INSTRUCTIONS)
  local results = table.pack(pcall(fn, ...))
  debug.sethook()
  return table.unpack(results, 1, results.n)
end

return bounded
