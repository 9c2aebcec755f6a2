-- What else is stopped and started when a child of a supervisor has to be restarted. Positions in start order only;
-- who is alive at that moment is for the supervisor to see.

local strategy = {}

strategy.names = { "one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one" }

local FIRST_AFFECTED = {
  one_for_one = function(index) return index, index end,
  simple_one_for_one = function(index) return index, index end,
  one_for_all = function(_, count) return 1, count end,
  rest_for_one = function(index, count) return index, count end,
}

--- Positions to stop (in that order), to start (in that order), and to remove for good after they were stopped:
--- temporary bystanders are never started again.
---@param name string one of strategy.names
---@param index integer position of the child that ended
---@param children integer|table[] how many there are, or the list of their specs
---@return integer[] stop
---@return integer[] start
---@return integer[] remove
function strategy.plan(name, index, children)
  local specs = type(children) == "table" and children or nil
  local count = specs and #specs or children
  local first, last = FIRST_AFFECTED[name](index, count)
  local stop, start, remove = {}, {}, {}
  for i = last, first, -1 do
    if i ~= index then stop[#stop + 1] = i end
  end
  for i = first, last do
    if i ~= index and specs and specs[i].restart_name == "temporary" then
      remove[#remove + 1] = i
    else
      start[#start + 1] = i
    end
  end
  return stop, start, remove
end

--- Whether a restart under this strategy concerns nobody else.
---@param name string
---@return boolean
function strategy.is_alone(name)
  return name == "one_for_one" or name == "simple_one_for_one"
end

return strategy
