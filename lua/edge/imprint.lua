-- Imprint: notes what the functions and definitions of a tree are made of, right after it was loaded, so that a later
-- load can be compared with it (see core/digest.lua). What is not the script's own goes by its name.

local breath = require "luvisor.core.breath"
local digest = require "luvisor.core.digest"
local past = require "luvisor.machine.past"

local imprint = {}

local INSTANCE = "luvisor.self" -- metatables of workers: all alike

local function names_of_library()
  local names, modules = setmetatable({}, { __mode = "k" }), {}
  for name in pairs(package.loaded) do modules[#modules + 1] = tostring(name) end
  table.sort(modules)
  for _, name in ipairs(modules) do
    local module = package.loaded[name]
    if type(module) == "table" or type(module) == "function" then names[module] = name end
    for key, value in pairs(type(module) == "table" and module or {}) do
      local kind = type(value)
      if (kind == "function" or kind == "table") and not names[value] then
        names[value] = name .. "." .. tostring(key)
      end
    end
  end
  return names
end

local name_of

-- What names the values within `top`, which itself has no name there.
local function names_within(self, top)
  return function(value)
    if value ~= top then return name_of(self, value) end
  end
end

-- The digest of what many values hold is taken once; while it is being taken it goes by its name alone.
local function once(self, key, name, value)
  local found = self.taken[key]
  if found then return found end
  self.taken[key] = name
  found = ("%s %s"):format(name, digest.compute(value, names_within(self, value)) or "unknown")
  self.taken[key] = found
  return found
end

function name_of(self, value)
  local known = self.library[value] or past.made[value]
  if known then return known end
  if value == self.generation.globals then return once(self, value, "globals", self.globals) end
  local module = self.modules[value]
  if module then return once(self, value, module, value) end
  if type(value) == "table" and rawget(value, "__name") == INSTANCE then return INSTANCE end
end

local function new(generation)
  local self = { generation = generation, library = names_of_library(), modules = {}, taken = {} }
  for name, value in pairs(generation.loaded) do
    if type(value) == "table" or type(value) == "function" then self.modules[value] = "module " .. name end
  end
  for _, name in ipairs { "require", "load", "loadfile", "dofile" } do
    self.library[generation.globals[name]] = name
  end
  self.globals = generation:own_globals()
  self.known = names_within(self, nil)
  return self
end

--- What names the values that are the same for everybody, for digests of other things.
---@param generation luvisor.Generation
---@return fun(value: any): string|nil
function imprint.names(generation)
  return new(generation).known
end

local note_value

local function note_table(self, value, seen)
  if seen[value] then return end
  seen[value] = true
  for _, item in next, value do note_value(self, item, seen) end
end

function note_value(self, value, seen)
  if type(value) == "function" then return digest.note(value, self.known) end
  if type(value) == "table" then note_table(self, value, seen) end
end

-- The keys of each kind that may hold functions.
local KEYS = {
  worker = { "args", "executor" },
  program = { "ready", "health", "stdout", "stderr", "hooks", "schedule" },
  supervisor = { "executor" },
}

local function note_unit(self, spec)
  breath.take()
  if not spec.restart_name then digest.note(spec.restart, self.known) end
  if spec.definition then digest.note(spec.definition, names_within(self, spec.definition)) end
  for _, key in ipairs(KEYS[spec.kind]) do
    if type(spec[key]) ~= "nil" then note_value(self, spec[key], {}) end
  end
  for _, child in ipairs(spec.children or {}) do note_unit(self, child) end
  if spec.template then note_unit(self, spec.template) end
end

--- Notes the units of a resolved and prepared tree.
---@param generation luvisor.Generation
---@param root luvisor.Spec
function imprint.note(generation, root)
  note_unit(new(generation), root)
end

return imprint
