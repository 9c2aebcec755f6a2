-- The exit value: why a unit ended, one structured value made in one place, never text to parse.

local lazy = require "luvisor.core.lazy"
local signals = lazy "luvisor.core.signals"
local units = lazy "luvisor.core.units"

local exit = {}

---@class luvisor.Exit
---@field kind string       normal shutdown error exit signal timeout memory killed abandoned spawn
---@field message? string
---@field traceback? string
---@field code? integer     exit code of a program
---@field signal? integer   signal that ended a program
---@field core? boolean     whether that signal dumped core
---@field deadline? string  heartbeat transition state start stop stall watchdog health age
---@field seconds? number   length of that deadline
---@field state? string     where it ran out: "running" or "starting -> running"
local Exit = { __name = "luvisor.exit" }

exit.kinds = {
  "normal", "shutdown", "error", "exit", "signal", "timeout", "memory", "killed", "abandoned", "spawn",
}

local LONGEST = 400

local function one_line(text)
  text = tostring(text):gsub("%s*[\r\n]+%s*", " ")
  if #text <= LONGEST then return text end
  return text:sub(1, LONGEST) .. "..."
end

local function labelled(self)
  if not self.message then return self.kind end
  return self.kind .. ": " .. one_line(self.message)
end

local function coded(self)
  if not self.code then return labelled(self) end
  local text = "exit " .. self.code
  return self.message and text .. ": " .. one_line(self.message) or text
end

local TEXT = { normal = coded, exit = coded }

function TEXT.signal(self)
  local name = signals.name(self.signal) or "unknown"
  return ("signal %s (%s%s)"):format(self.signal, name, self.core and ", core dumped" or "")
end

function TEXT.timeout(self)
  if self.message or not self.deadline then return labelled(self) end
  local text = "timeout: " .. self.deadline
  if self.seconds then text = text .. " " .. units.text(self.seconds) end
  return self.state and text .. " in " .. self.state or text
end

-- The launcher's message already names the stage: "execve: No such file or directory: NAME".
function TEXT.spawn(self)
  return self.message and one_line(self.message) or "spawn"
end

for _, kind in ipairs(exit.kinds) do TEXT[kind] = TEXT[kind] or labelled end

function Exit:__tostring()
  return TEXT[self.kind](self)
end

--- Makes an exit value of the fields; the table itself becomes the value.
---@param fields table
---@return luvisor.Exit
function exit.new(fields)
  if not TEXT[fields.kind] then error("unknown kind of exit: " .. tostring(fields.kind), 2) end
  if fields.signal then
    local number = signals.number(fields.signal)
    if not number and math.type(fields.signal) ~= "integer" then
      error("unknown signal: " .. tostring(fields.signal), 2)
    end
    fields.signal = number or fields.signal
  elseif fields.kind == "signal" then
    error("an exit by signal needs the signal", 2)
  end
  return setmetatable(fields, Exit)
end

--- The exit of what was asked to end and has nothing more to say: one for all, so nobody can change it.
exit.shutdown = setmetatable({}, Exit)

Exit.__index = { kind = "shutdown" } -- every other one has a kind of its own

function Exit:__newindex(key, value)
  if self == exit.shutdown then error("this exit is that of all that were asked to stop, and cannot be changed", 2) end
  rawset(self, key, value)
end

--- The exit of an error: what exit.new makes of these fields, for those that are made by the thousand.
---@param kind "error"|"memory"
---@param message string
---@param traceback? string
---@param state? string
---@return luvisor.Exit
function exit.raised(kind, message, traceback, state)
  return setmetatable({ kind = kind, message = message, traceback = traceback, state = state }, Exit)
end

local PLAIN = { string = true, number = true, boolean = true }

--- The fields of an exit, and of what caused it, as plain values: for another runtime.
---@param self luvisor.Exit
---@return table
function exit.pack(self)
  local fields = { kind = self.kind } -- which one has from elsewhere
  for key, value in pairs(self) do
    if PLAIN[type(value)] then fields[key] = value elseif exit.is(value) then fields[key] = exit.pack(value) end
  end
  return fields
end

--- The exit of such fields.
---@param fields table
---@return luvisor.Exit
function exit.unpack(fields)
  if fields.cause then fields.cause = exit.unpack(fields.cause) end
  return exit.new(fields)
end

--- The exit of fields from elsewhere, where they are those of one.
---@param fields any
---@return luvisor.Exit|nil
function exit.of_fields(fields)
  return type(fields) == "table" and TEXT[fields.kind] and setmetatable(fields, Exit) or nil
end

--- Lets a codec send exits.
function exit.teach(codec)
  local function pack(self)
    local fields = { kind = self.kind }
    for key, value in pairs(self) do fields[key] = value end
    return fields
  end
  codec.define(2, Exit, pack, exit.of_fields)
end

--- Whether the value was made by exit.new.
---@param value any
---@return boolean
function exit.is(value)
  return getmetatable(value) == Exit
end

--- Whether the unit ended as it should: kind normal or shutdown.
---@param self luvisor.Exit
---@return boolean
function exit.is_normal(self)
  return self.kind == "normal" or self.kind == "shutdown"
end

return exit
