-- What the design knows and this version does not have yet. To make something available, take it out of this list
-- and give its key a check in the schema of its kind.

local check = require "luvisor.core.check"

local later = {}

local KEYS = {
  worker = {},
  supervisor = {},
  program = {
    "cgroup", "schedule", "orphans",
  },
}

local VALUES = {
  executor = { thread = true, process = true },
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

--- Makes a check refuse the unavailable values of a key, and tables and functions given for it, as such.
---@param key string
---@param inner function
---@return function
function later.values(key, inner)
  local unavailable = VALUES[key] or {}
  return function(value)
    if unavailable[value] or type(value) == "table" then return check.unavailable() end
    return inner(value)
  end
end

return later
