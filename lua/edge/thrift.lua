-- Thrift: gives memory back that a host does not need any more. Nothing is looked at but at the end of a cycle of the
-- collector, which comes only where something is allocated: a host that rests is left alone. When much more is in use
-- than before, or much has become free, it is looked at again some seconds later, in slices.

local runtime = require "host.runtime"

local thrift = {}

local WORTH, SHARE = 1 << 20, 4 -- bytes, and the part of what is in use, that are much
local LATER = 10                -- seconds
local PAUSE = 0.01              -- seconds between two slices
local STEP, BLOCKS = 256, 4096  -- KiB that the collector takes for allocated, free blocks looked at in a slice

local is_due = false
local usual = math.huge -- bytes in use when it was last looked at

local function is_much(bytes)
  return bytes > math.max(WORTH, (runtime.memory()) / SHARE)
end

local function spare()
  return (select(3, runtime.memory()))
end

local function finish()
  usual, is_due = runtime.memory(), false
end

local function trim()
  if not runtime.trim(BLOCKS) then return runtime.after(PAUSE, trim) end
  finish()
end

local function collect()
  if not collectgarbage("step", STEP) then return runtime.after(PAUSE, collect) end
  if is_much(spare()) then return trim() end
  finish()
end

local function look()
  local used = runtime.memory()
  if is_due or not (is_much(used - usual) or is_much(spare())) then return end
  is_due = true
  runtime.after(LATER, collect)
end

-- What nobody refers to is finalized in each cycle.
local function watch()
  setmetatable({}, { __gc = function()
    watch()
    look()
  end })
end

--- Begins to look after the memory of this runtime.
function thrift.begin()
  usual = runtime.memory()
  watch()
end

return thrift
