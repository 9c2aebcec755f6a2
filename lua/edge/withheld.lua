-- Withheld: what scripts and workers do not get of Lua and luv, because the host could not keep its promises.

local runtime = require "host.runtime"
local uv = require "luv"

local withheld = {}

-- A worker that ends the process, or the loop, would leave the programs to themselves.
local function forbid_exit()
  for _, name in ipairs { "run", "stop", "loop_close", "walk" } do
    uv[name] = function() error(("uv.%s: the loop is the host's"):format(name), 2) end
  end
  os.exit = function() -- luacheck: ignore 122
    error("os.exit: would end the host and leave its programs behind; return an event, or raise an error", 2)
  end
end

-- The hook is what interrupts a worker; and the signal is what sets it.
local function forbid_hooks()
  debug.sethook = function() -- luacheck: ignore 122
    error("debug.sethook: the hook is the host's, it interrupts what runs too long", 2)
  end
  local start = uv.signal_start
  local function checked(handle, name, ...)
    if name == "sigurg" or name == "SIGURG" or name == 23 then error("SIGURG is the host's", 2) end
    return start(handle, name, ...)
  end
  uv.signal_start = checked
  local handle = uv.new_signal()
  getmetatable(handle).__index.start = checked
  handle:close()
end

--- Takes it away, for good.
---@param options? { gc?: boolean } gc: also __gc, as on a thread, where a finalizer that does not end could never
---   be stopped; on the main runtime libraries may need it
function withheld.apply(options)
  forbid_exit()
  forbid_hooks()
  if options and options.gc then runtime.withhold_gc() end
end

return withheld
