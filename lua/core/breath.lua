-- Breath: where long work of the library over a whole tree may give way to others. The library's own functions
-- are never cut from outside, so what goes through many units takes a breath at each. Whoever runs such work apart
-- says what a breath is, for the coroutine that it runs in; to everybody else it is nothing.

local breath = {}

local running = coroutine.running

local owner, fn

--- Gives way, if the work at hand is one that can.
function breath.take()
  if fn and running() == owner then fn() end
end

--- Has the coroutine that calls take breaths by calling `give_way`, until the result is closed.
---@param give_way fun()
---@return table to be closed
function breath.begin(give_way)
  local before, before_fn = owner, fn
  owner, fn = running(), give_way
  return setmetatable({}, { __close = function() owner, fn = before, before_fn end })
end

return breath
