-- Whether and when a unit that ended is started again. A policy is a function
--   policy(exit, history, now) -> "restart" [, delay] | "stop" | "give_up" | "escalate" | nil
-- where nil means no opinion: in `first` the next policy is asked, and at the end the unit is restarted.
-- history = { failed_starts =, restarts =, last_ready_for =, [1..n] = { exit =, at =, uptime =, ready = } }, the exit
-- that is being judged already in it, as the last entry.

local lazy = require "luvisor.core.lazy"
local backoff = require "luvisor.core.backoff"
local exit = require "luvisor.core.exit"
local signals = lazy "luvisor.core.signals"
local suggest = lazy "luvisor.core.suggest"
local units = require "luvisor.core.units"

---@alias luvisor.Policy fun(exit: luvisor.Exit, history: table, now: number): string|nil, number|nil

local restart = {}

restart.decisions = { "restart", "stop", "give_up", "escalate" }
restart.types = { "permanent", "transient", "temporary" }

local DECISIONS = { restart = true, stop = true, give_up = true, escalate = true }

-- ---- restart types (OTP)

--- Always restarted, after a normal end too.
function restart.permanent() return "restart" end

--- Restarted unless it ended normally.
function restart.transient(why) return exit.is_normal(why) and "stop" or "restart" end

--- Never restarted.
function restart.temporary() return "stop" end

restart.always, restart.never = restart.permanent, restart.temporary

-- ---- systemd's Restart= table

-- Signals that systemd takes for a clean end.
local CLEAN_SIGNALS = { [1] = true, [2] = true, [13] = true, [15] = true }

local CAUSES = {
  normal = "clean", shutdown = "clean", exit = "code", error = "code", spawn = "code",
  memory = "signal", killed = "signal", abandoned = "timeout",
}

local function cause_of(why)
  if why.kind == "signal" then return CLEAN_SIGNALS[why.signal] and "clean" or "signal" end
  if why.kind ~= "timeout" then return CAUSES[why.kind] end
  local missed_sign_of_life = why.deadline == "watchdog" or why.deadline == "heartbeat"
  return missed_sign_of_life and "watchdog" or "timeout"
end

local ROWS = {
  on_success = { clean = true },
  on_failure = { code = true, signal = true, timeout = true, watchdog = true },
  on_abnormal = { signal = true, timeout = true, watchdog = true },
  on_abort = { signal = true },
  on_watchdog = { watchdog = true },
}

local function check_policy(policy, name)
  if policy ~= nil and type(policy) ~= "function" then
    error(("%s: expected a policy, got %s"):format(name, type(policy)), 3)
  end
end

for name, causes in pairs(ROWS) do
  restart[name] = function(policy)
    check_policy(policy, name)
    return function(why, history, now)
      if not causes[cause_of(why)] then return "stop" end
      if not policy then return "restart" end
      local decision, delay = policy(why, history, now)
      return decision or "restart", delay
    end
  end
end

-- ---- building blocks

local function failed_starts_since(history, oldest)
  local count = 0
  for i = #history, 1, -1 do
    local run = history[i]
    if run.ready or run.at <= oldest then break end
    count = count + 1
  end
  return count
end

--- Gives up after n retries of a start that failed (that ended before it was ready); with `within` only those of
--- that many seconds count. Has no opinion before.
---@param n integer
---@param within? number seconds
---@return luvisor.Policy
function restart.retries(n, within)
  if math.type(n) ~= "integer" or n < 0 then error("retries: expected a number of retries", 2) end
  if within and not units.is_seconds(within) then error("retries: within must be seconds", 2) end
  return function(_, history, now)
    local failed = history.failed_starts
    if within and failed > n then failed = failed_starts_since(history, now - within) end
    if failed > n then return "give_up" end
  end
end

--- Restarts with a delay that grows from failure to failure.
---@param given? { min?: number, max?: number, factor?: number, jitter?: number, reset_after?: number }
---@param random? fun(): number math.random if not given
---@return luvisor.Policy
function restart.backoff(given, random)
  local pace, message, _, key = backoff.fill(given or {})
  if not pace then error(("backoff: %s: %s"):format(key, message), 2) end
  random = random or math.random
  return function(_, history)
    return "restart", backoff.delay(pace, backoff.failures(history, pace.reset_after), random)
  end
end

restart.delay, restart.failures = backoff.delay, backoff.failures

local function as_policy(value, name, key)
  if type(value) == "function" then return value end
  if not DECISIONS[value] then
    local hint = suggest.hint(value, restart.decisions)
    error(("%s[%s]: unknown decision %s%s"):format(name, tostring(key), tostring(value), hint), 3)
  end
  return function() return value end
end

local function check_table(value, message)
  if type(value) ~= "table" then error(("%s, got %s"):format(message, type(value)), 3) end
end

--- Decides by the exit code: a decision or a policy for each code, no opinion on others.
---@param decisions table<integer, string|luvisor.Policy>
---@return luvisor.Policy
function restart.exit_codes(decisions)
  local by_code = {}
  check_table(decisions, "exit_codes: expected { [code] = decision }")
  for code, value in pairs(decisions) do
    if math.type(code) ~= "integer" or code < 0 or code > 255 then
      error(("exit_codes: %s is not an exit code"):format(tostring(code)), 2)
    end
    by_code[code] = as_policy(value, "exit_codes", code)
  end
  return function(why, history, now)
    local policy = by_code[why.code]
    if policy then return policy(why, history, now) end
  end
end

--- Decides by the signal that ended the program: { SEGV = "give_up", KILL = policy }.
---@param decisions table<string|integer, string|luvisor.Policy>
---@return luvisor.Policy
function restart.exit_signals(decisions)
  local by_signal = {}
  check_table(decisions, "exit_signals: expected { NAME = decision }")
  for signal, value in pairs(decisions) do
    local number, message = signals.number(signal)
    if not number then error("exit_signals: " .. message, 2) end
    by_signal[number] = as_policy(value, "exit_signals", signal)
  end
  return function(why, history, now)
    local policy = by_signal[why.signal]
    if policy then return policy(why, history, now) end
  end
end

--- The first of the policies that has an opinion decides.
---@param ... luvisor.Policy
---@return luvisor.Policy
function restart.first(...)
  local policies = { ... }
  for i = 1, select("#", ...) do
    if type(policies[i]) ~= "function" then
      error(("first: argument %d: expected a policy, got %s"):format(i, type(policies[i])), 2)
    end
  end
  return function(why, history, now)
    for i = 1, #policies do
      local decision, delay = policies[i](why, history, now)
      if decision then return decision, delay end
    end
  end
end

-- ---- what a script says, and what its policy answers

local TYPES, BUILDERS = {}, {}
for _, name in ipairs(restart.types) do TYPES[name] = restart[name] end
for _, name in ipairs { "retries", "backoff", "exit_codes", "exit_signals", "first" } do
  BUILDERS[restart[name]] = name
end
for name in pairs(ROWS) do BUILDERS[restart[name]] = name end

--- The policy that a script means: the name of a restart type, or a policy function.
---@param value string|luvisor.Policy
---@return luvisor.Policy|nil policy
---@return string? message
---@return string? code
function restart.of(value)
  local by_name = TYPES[value]
  if by_name then return by_name end
  if type(value) == "function" then
    local builder = BUILDERS[value]
    if not builder then return value end
    return nil, ("restart.%s makes a policy, call it"):format(builder), "EINVAL"
  end
  if type(value) ~= "string" then
    return nil, ("expected a restart type or a policy, got %s"):format(type(value)), "EINVAL"
  end
  return nil, suggest.unknown(value, restart.types), "EINVAL"
end

--- What a policy answered, made certain: no opinion is a restart, a delay only goes with a restart.
---@param decision any
---@param delay any
---@return string|nil decision
---@return number|string? delay or message
---@return string? code
function restart.check(decision, delay)
  if decision == nil then decision = "restart" end
  if not DECISIONS[decision] then
    local text = type(decision) == "string" and ('"%s"'):format(decision) or type(decision)
    return nil, ("policy returned %s%s"):format(text, suggest.hint(decision, restart.decisions)), "EINVAL"
  end
  if delay ~= nil and (decision ~= "restart" or not units.is_seconds(delay)) then
    return nil, ('policy returned "%s" with the delay %s'):format(decision, tostring(delay)), "EINVAL"
  end
  return decision, delay
end

local program = {}
for _, name in ipairs(restart.types) do
  program[name] = restart.first(restart.retries(3), restart[name])
end

--- Policies of programs by restart type: FATAL after three retries of a start that failed.
restart.program = program

-- As of luvisor itself: a name that is not there is a mistake.
return setmetatable(restart, { __index = function(_, name)
  local known = {}
  for one in pairs(restart) do known[#known + 1] = one end
  error(('luvisor.restart has no "%s"%s'):format(tostring(name), suggest.hint(name, known)), 2)
end })
