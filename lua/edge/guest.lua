-- Guest: the main program of a runtime that a host has made for one of its units: on a thread, or in a process
-- (`luvisor guest FD`). It is told what to run, runs it, says what becomes of it, and ends with it. When the host is
-- gone, everything ends.
--
-- Every guest has all that it loads to itself, and there may be many: what is needed later is loaded later.

collectgarbage "stop" -- all that is loaded at the beginning stays, or is forgotten at its end

local native = require "host.guest"
local runtime = require "host.runtime"
local wire = require "luvisor.edge.guest.wire"

---@class luvisor.GuestState
---@field parent luvisor.Wire to the host
---@field world? table        the env of what runs here, nil before it was told
---@field flush? function     tells the host what it was not told yet
---@field before_reply? function as flush, before a call is answered with a value
---@field over? table         fields of the exit with which it ends
---@field said? boolean       the exit was told
local self = {}

local guest = {}

local function begin(told, common)
  if told.memory and told.executor then runtime.limit_memory(told.memory) end
  if told.executor == "thread" then native.rename(tostring(told.name)) end
  local is_lone = require("luvisor.edge.guest.load").is_lone(told)
  local ok, message = xpcall(require(is_lone and "luvisor.edge.guest.lone" or "luvisor.edge.guest.whole").begin,
    debug.traceback, self, told, common)
  if not ok then require("luvisor.edge.guest.finish").finish(self, { kind = "error", message = message }) end
end

local function on_frame(frame)
  if self.over then return end
  if frame[1] == "begin" then
    local run = begin
    begin = nil -- nobody needs it again
    return run(frame[2], frame[3])
  end
  if frame[1] == "prepare" then return require("luvisor.edge.guest.lone").prepare(self, frame[2]) end
  require("luvisor.edge.guest.frames")[frame[1]](self, table.unpack(frame, 2, frame.n))
end

local function on_ended()
  require("luvisor.edge.guest.finish").orphaned(self)
end

local function on_fault(text)
  require("luvisor.edge.guest.finish").fault(self, text)
end

--- Runs until the unit has ended.
---@param open? fun(on_frame: function, on_ended: function): luvisor.Wire|nil, string? the wire to the host; that of a
---  thread where it is not given
---@return integer|nil code
function guest.main(open)
  runtime.set_reporter(on_fault)
  local message
  self.parent, message = (open or wire.parent)(on_frame, on_ended)
  return not self.parent and require("luvisor.edge.guest.finish").failed(message) or nil
end

return guest
