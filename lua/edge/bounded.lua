-- Bounded: code of the user's that runs outside of every worker, with limits on its time and on the memory that it
-- takes. It runs on a coroutine of its own, where its instructions are counted; so it must not yield, and what it does
-- within one call of a C function is not seen before that returns.

local uv = require "luv"

local bounded = {}

---@class luvisor.Bound
local Bound = {}
Bound.__index = Bound

local INSTRUCTIONS = 10000 -- between two looks

--- Limits for everything that is called with it together.
---@param what string what is said to take too long
---@param seconds number
---@param bytes number
---@return luvisor.Bound
function bounded.new(what, seconds, bytes)
  return setmetatable({
    what = what, seconds = seconds, bytes = bytes, due = uv.hrtime() + seconds * 1e9,
    most = collectgarbage "count" + bytes / 1024,
  }, Bound)
end

local function excess(self)
  if uv.hrtime() > self.due then return ("%s takes more than %g s"):format(self.what, self.seconds) end
  if collectgarbage "count" <= self.most then return nil end
  collectgarbage()
  if collectgarbage "count" <= self.most then return nil end
  return ("%s takes more than %d MB"):format(self.what, self.bytes // 2 ^ 20)
end

--- As xpcall(fn, handler, ...), for one result. Beyond a limit an error is raised in fn on every instruction, so that
--- no pcall of its own goes on.
---@param fn function
---@param handler function
---@return boolean ok
---@return any result
function Bound:call(fn, handler, ...)
  local co, message = coroutine.create(xpcall), nil
  local function look()
    message = message or excess(self)
    if not message then return end
    debug.sethook(co, look, "", 1)
    error(message, 0)
  end
  debug.sethook(co, look, "", INSTRUCTIONS)
  local resumed, ok, result = coroutine.resume(co, fn, handler, ...)
  local yielded = coroutine.status(co) ~= "dead"
  coroutine.close(co)
  if message then return false, message end
  if yielded then return false, self.what .. " must not yield" end
  if not resumed then return false, ok end
  return ok, result
end

return bounded
