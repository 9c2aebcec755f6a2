-- What the design knows and this version does not have yet. To make something available, take it out of this list
-- and give its key a check in the schema of its kind.

local check = require "luvisor.core.check"

local later = {}

local KEYS = {
  worker = {},
  supervisor = {},
  program = {},
}

--- Adds the unavailable keys to a schema, so that they are told apart from unknown ones.
---@param schema table<string, function>
---@param name string
---@return table schema
function later.add(schema, name)
  for _, key in ipairs(KEYS[name]) do
    if not schema[key] then schema[key] = check.unavailable end
  end
  return schema
end

return later
