-- Estate: what a runtime in a process leaves behind when it dies: what it has started itself, and what its programs
-- have. All of it carries marks of its unit, or of units below, and is killed before the unit counts as ended.

local orphans = require "host.orphans"
local runtime = require "host.runtime"
local signals = require "luvisor.core.signals"

local estate = {}

local LOOK_AGAIN = 0.05 -- seconds
local KILL = signals.number "KILL"

-- Nil when it cannot look.
local function left(prefix, ending)
  local handed = orphans.inherited()
  if handed and not handed[1] then return {} end -- as nearly always
  local found, ours = orphans.find(ending), {}
  for _, one in ipairs(found or {}) do
    if one.mark:sub(1, #prefix) == prefix then ours[#ours + 1] = one end
  end
  return found and ours
end

--- Ends whoever is left of a unit whose process is dead, then calls done().
---@param env table
---@param unit table
---@param done fun()
function estate.settle(env, unit, done)
  local prefix, ending = unit:path() .. "/", "@" .. env.lineage
  local function again()
    local ours = left(prefix, ending)
    if ours and not ours[1] then return done() end
    for _, one in ipairs(ours or {}) do orphans.signal(one.pid, one.mark, KILL) end
    runtime.after(LOOK_AGAIN, again)
  end
  again()
end

return estate
