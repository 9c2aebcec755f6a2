-- Drift: how the tree that runs differs from what its script said when it was last loaded, by live edits: a few words
-- for each unit.

local plans = require "luvisor.core.plan"

local drift = {}

local function add(notes, path, text)
  notes[path] = notes[path] and notes[path] .. "; " .. text or text
end

local WORDS = {
  add = function(notes, step) add(notes, step.path, "added") end,
  remove = function(notes, step)
    local parent, name = step.path:match "^(.*)/([^/]*)$"
    add(notes, parent, name .. " removed")
  end,
  reorder = function() end,
}

--- What to say of each unit, by path; nil when there is nothing to say.
---@param script luvisor.Spec the root as it was loaded
---@param running luvisor.Spec the root as it is
---@return table<string, string>|nil
function drift.of(script, running)
  local plan = plans.compare(script, running)
  if not plan or plan:is_empty() then return nil end
  local notes = {}
  for _, step in ipairs(plan.steps) do
    local say = WORDS[step.action]
    if say then say(notes, step) else add(notes, step.path, table.concat(step.keys, ", ") .. " set") end
  end
  return notes
end

return drift
