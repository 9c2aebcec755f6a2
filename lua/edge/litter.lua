-- Litter: what somebody leaves who has taken all the memory that he may. It is collected a step in each turn of the
-- loop, so that nobody waits for it, and that the next one does not begin with it.

local litter = {}

local STEP = 1024 -- KiB that the collector takes for allocated
local CYCLES = 2  -- the one that is under way may have passed by some of it

--- Collects it; done() is called later.
---@param env table
---@param done fun()
function litter.clear(env, done)
  local cycles = 0
  local function step()
    if collectgarbage("step", STEP) then cycles = cycles + 1 end
    if cycles < CYCLES then env.after(0, step) else done() end
  end
  env.after(0, step)
end

return litter
