-- What else is stopped and started when a child of a supervisor has to be restarted. Children in start order;
-- who is alive at that moment is for the supervisor to see.

local strategy = {}

strategy.names = { "one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one" }

local FIRST_AFFECTED = {
  one_for_one = function(index) return index, index end,
  simple_one_for_one = function(index) return index, index end,
  one_for_all = function(_, count) return 1, count end,
  rest_for_one = function(index, count) return index, count end,
}

--- Whom to stop (in that order), to start (in that order), and to remove for good after they were stopped: temporary
--- bystanders are never started again.
---@param name string one of strategy.names
---@param index integer position of the child that ended
---@param children table[] each with its `spec`
---@return table[] stop
---@return table[] start
---@return table[] remove
function strategy.plan(name, index, children)
  local first, last = FIRST_AFFECTED[name](index, #children)
  local stop, start, remove, count = {}, {}, {}, 0
  for i = last, first, -1 do
    if i ~= index then
      count = count + 1
      stop[count] = children[i]
    end
  end
  count = 0
  for i = first, last do
    local child = children[i]
    if i ~= index and child.spec.restart_name == "temporary" then
      remove[#remove + 1] = child
    else
      count = count + 1
      start[count] = child
    end
  end
  return stop, start, remove
end

--- The strategies under which a restart concerns nobody else.
strategy.alone = { one_for_one = true, simple_one_for_one = true }

return strategy
