-- Subscribers: what a script has subscribed to with luvisor.on.

local subscribers = {}

--- Adds what a script subscribed to; its own lists stay as they are.
---@param env table
---@param added table<string, function[]>
function subscribers.add(env, added)
  for kind, list in pairs(added) do
    local all = env.subscribers[kind] or {}
    table.move(list, 1, #list, #all + 1, all)
    env.subscribers[kind] = all
    env.watch(kind)
  end
end

--- Those of the script that ran make way for those of the new one; who subscribed at run time stays.
---@param env table
---@param old table<string, function[]>
---@param new table<string, function[]>
function subscribers.swap(env, old, new)
  for kind, list in pairs(env.subscribers) do
    local of_script, kept = {}, {}
    for _, fn in ipairs(old[kind] or {}) do of_script[fn] = true end
    for _, fn in ipairs(list) do
      if not of_script[fn] then kept[#kept + 1] = fn end
    end
    env.subscribers[kind] = kept
  end
  subscribers.add(env, new)
end

return subscribers
