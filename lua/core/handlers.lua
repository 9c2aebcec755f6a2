-- Handlers: what a worker's definition does with requests: for each name one function, or one for some of the states.

local handlers = {}

local ANY = "any" -- as a key beside the names of states; a state called so is not told apart

local function states_of(options)
  if options == nil then return { ANY } end
  local state = options.state
  for key in pairs(options) do
    if key ~= "state" then return nil, ('unknown key "%s", did you mean "state"?'):format(tostring(key)) end
  end
  local list = type(state) == "string" and { state } or state
  if type(list) ~= "table" or #list == 0 then return nil, "state: expected the name of a state, or a list of them" end
  return list
end

--- Adds a handler to a list of them; message on a mistake.
---@param list table<string, table<string, function>>
---@param name string
---@param options? { state?: string|string[] }
---@param fn function
---@return true|nil ok
---@return string? message
function handlers.add(list, name, options, fn)
  if type(name) ~= "string" or name == "" then return nil, ("expected a name, got %s"):format(type(name)) end
  if type(fn) ~= "function" then return nil, ("expected a function, got %s"):format(type(fn)) end
  local states, message = states_of(options)
  if not states then return nil, message end
  local known = list[name] or {}
  for _, state in ipairs(states) do
    if known[state] then
      return nil, state == ANY and "there is one already" or ('there is one already for state "%s"'):format(state)
    end
    known[state] = fn
  end
  list[name] = known
  return true
end

--- Calls report(name, state) for every state that a list names.
function handlers.each_state(list, report)
  for name, known in pairs(list) do
    for state in pairs(known) do
      if state ~= ANY then report(name, state) end
    end
  end
end

return handlers
