-- SPDX-License-Identifier: Apache-2.0
-- A fake env for machines: time moves by advance(seconds) and nothing else; timers, deadlines and posts are one list,
-- called in the order in which they are due. logged and events list what was said.

local fake_env = {}

--- Time and timers.
local function add_clock(env)
  local timers = {}
  env.timers, env.time = timers, 0

  local function arm(seconds, fn, a, b)
    local timer = { due = env.time + seconds, run = function() fn(a, b) end }
    timers[#timers + 1] = timer
    return timer
  end

  local function first_due(target)
    local first
    for _, timer in ipairs(timers) do
      if timer.due <= target and (not first or timer.due < first.due) then first = timer end
    end
    return first
  end

  env.after, env.deadline = arm, arm
  function env.post(fn, a, b) arm(0, fn, a, b) end
  function env.now() return env.time end

  function env.cancel(timer)
    for index, one in ipairs(timers) do
      if one == timer then return table.remove(timers, index) end
    end
  end

  function env.advance(seconds)
    local target = env.time + seconds
    for timer in first_due, target do
      env.cancel(timer)
      env.time = math.max(env.time, timer.due)
      timer.run()
    end
    env.time = target
  end
end

--- What is said: logged holds "level text", events "from -> to" of each transition.
local function add_log(env)
  env.logged, env.events = {}, {}
  env.logs, env.watched = { info = true }, { transition = true }

  function env.log(level, _, format, ...)
    table.insert(env.logged, level .. " " .. format:format(...))
  end

  function env.emit(_, _, event)
    table.insert(env.events, event.from .. " -> " .. event.to)
  end
end

---@param env table what else it shall have
---@return table env
function fake_env.new(env)
  add_clock(env)
  add_log(env)
  return env
end

return fake_env
