-- Signals: their names and numbers, those of Linux on the usual machines.

local signals = {}

local SIGNALS = {
  "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
  "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
  "WINCH", "IO", "PWR", "SYS",
}
local RTMIN, RTMAX = 34, 64

--- Number of each signal by its short name ("TERM"), real-time ones as "RTMIN+3".
signals.numbers = {}
local numbers = signals.numbers
for number, name in ipairs(SIGNALS) do numbers[name] = number end
numbers.POLL, numbers.IOT, numbers.CLD = 29, 6, 17
for number = RTMIN, RTMAX do
  local offset = number - RTMIN
  SIGNALS[number] = offset == 0 and "RTMIN" or "RTMIN+" .. offset
  numbers[SIGNALS[number]] = number
end

--- Full name of a signal, "SIGKILL" for 9; nil for a number that is none.
---@param number integer
---@return string|nil
function signals.name(number)
  local short = SIGNALS[number]
  return short and "SIG" .. short
end

--- Number of a signal given as 15, "TERM", "SIGTERM" or "term".
---@param signal integer|string
---@return integer|nil number
---@return string? message
---@return string? code
function signals.number(signal)
  if type(signal) == "string" then
    local number = numbers[(signal:upper():gsub("^SIG", ""))]
    if number then return number end
  elseif SIGNALS[signal] then
    return math.tointeger(signal)
  end
  return nil, ("unknown signal %s"):format(tostring(signal)), "EINVAL"
end

return signals
