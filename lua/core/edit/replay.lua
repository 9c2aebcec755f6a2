-- Replay: live edits of a part of the tree that runs elsewhere, told as plain values, and made again there of what the
-- script says.

local edit = require "luvisor.core.edit"

local replay = {}

function replay.remove(root, _, path, gone) return edit.remove(root, path, gone) end
function replay.scale(root, how, path, name, count) return edit.scale(root, path, name, count, how.adopt) end

function replay.add(root, how, path, source)
  local units, message = how.load(source.path, source.text)
  if not units then return nil, message end
  return edit.add(root, path, units, how.adopt, source)
end

function replay.set(root, how, path, key, value, is_text)
  local given, message = value, nil
  if is_text then given, message = how.evaluate(value) end
  if given == nil then return nil, message end
  return edit.set(root, path, key, given, how.prepare, is_text and value)
end

--- A part of the tree as it was loaded, after these steps.
---@param root luvisor.Spec
---@param steps table[]
---@param how { adopt: function, prepare: function, load: function, evaluate: function } as edit's functions want
---them; what makes units of a piece of Lua, and a policy of its text
---@return luvisor.Spec|nil root
---@return string? message
function replay.all(root, steps, how)
  for _, step in ipairs(steps) do
    local changed, message = replay[step[1]](root, how, table.unpack(step, 2))
    if not changed then return nil, message end
    root = changed
  end
  root.edits = nil
  return root
end

return replay
