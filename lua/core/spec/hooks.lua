-- Hooks in a program's spec: before = { start =, stop = } and, in `after` beside the names of units, { start =, stop =,
-- fail = }. A value of `after` tells which it is: text is a condition on a unit, a function or a table is a hook.

local check = require "luvisor.core.check"

local hooks = {}

local TIMEOUT = 10 -- seconds

local on_failure = check.one_of { "abort", "ignore" }

local function fn(value)
  if type(value) == "function" then return true, value end
  return check.expected("a function", value)
end

local function never(value)
  if value == "ignore" then return true, value end
  return false, 'only "ignore": what ends cannot be held up'
end

local may_abort = check.record { fn = fn, timeout = check.seconds, on_failure = on_failure }
local may_not = check.record { fn = fn, timeout = check.seconds, on_failure = never }

-- A hook that came before something may prevent it; what has happened already is only lamented.
local function hook(text, keys, rule)
  return function(value)
    if type(value) == "function" then value = { fn = value } end
    if type(value) ~= "table" then return check.expected("a function or { fn = function }", value) end
    local ok, given, below = keys(value)
    if not ok then return false, given, below end
    if not given.fn then return false, "missing", ".fn" end
    return true, {
      text = text, fn = given.fn, timeout = given.timeout or TIMEOUT, on_failure = given.on_failure or rule,
    }
  end
end

--- before = { start = fn, stop = fn }
hooks.before = check.record {
  start = hook("before start", may_abort, "abort"),
  stop = hook("before stop", may_not, "ignore"),
}

local AFTER = {
  start = hook("after start", may_abort, "ignore"),
  stop = hook("after stop", may_not, "ignore"),
  fail = hook("after fail", may_not, "ignore"),
}

--- The check of `after` in a program: hooks beside the conditions, which `inner` checks.
---@param inner fun(value: any): boolean, any, string?
---@return fun(value: any): boolean, any, string?
function hooks.after(inner)
  return function(value)
    if type(value) ~= "table" then return inner(value) end
    local found, conditions = {}, {}
    for name, one in pairs(value) do
      if type(one) == "function" or type(one) == "table" then
        if not AFTER[name] then return false, "expected a hook (start, stop, fail)", "." .. tostring(name) end
        local ok, made, below = AFTER[name](one)
        if not ok then return false, made, "." .. name .. (below or "") end
        found[name] = made
      else
        conditions[name] = one
      end
    end
    local ok, normal, below = inner(conditions)
    if not ok then return false, normal, below end
    return true, { conditions = normal, hooks = found }
  end
end

--- Makes of `before` and `after`, as the checks left them, `hooks` ("before start" and so on) and plain conditions.
---@param out table the spec
function hooks.settle(out)
  local before, after = out.before, out.after
  out.before, out.after = nil, after and after.conditions
  local all = {}
  for _, group in ipairs { before or {}, after and after.hooks or {} } do
    for _, one in pairs(group) do all[one.text] = one end
  end
  out.hooks = next(all) and all or nil
end

--- How much longer than its shutdown time the stop of a unit may take because of its hooks.
---@param spec table
---@return number seconds
function hooks.stop_time(spec)
  local sum = 0
  for _, name in ipairs { "before stop", "after stop" } do
    local one = spec.hooks and spec.hooks[name]
    sum = sum + (one and one.timeout or 0)
  end
  return sum
end

return hooks
