-- Imprint: notes what the functions and definitions of a tree are made of, right after it was loaded, so that a later
-- load can be compared with it (see core/digest.lua). What is not the script's own goes by its name.

local breath = require "luvisor.core.breath"
local digest = require "luvisor.core.digest"
local past = require "luvisor.machine.worker.past"
local worker = require "luvisor.worker"

local imprint = {}

local METATABLE = "^luvisor%.[%l_]+$" -- what those of the library call themselves

local NAMED = { ["function"] = true, ["table"] = true }

-- Of several modules that hold a value it is the first by name.
local function note_home(homes, value, name)
  local home = homes[value]
  if NAMED[type(value)] and (not home or name < home) then homes[value] = name end
end

-- The name of the module that a value of the library is, or is in.
local function homes_of_library()
  local homes, own = setmetatable({}, { __mode = "k" }), {}
  for name, module in next, package.loaded do
    note_home(own, module, name)
    local has_fields = type(module) == "table" and not worker.is(module) -- a worker has what all of them have
    for _, value in next, has_fields and module or {} do note_home(homes, value, name) end
  end
  for module, name in next, own do homes[module] = name end
  return homes
end

local function name_in_library(homes, value)
  local home = homes[value]
  local module = home and package.loaded[home]
  if module == nil or rawequal(module, value) then return home end
  for key, one in next, module do
    if rawequal(one, value) then return home .. "." .. tostring(key) end
  end
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
  local known = name_in_library(self.homes, value) or past.made[value]
  if known then return known end
  if value == self.generation.globals then return once(self, value, "globals", self.globals) end
  local module = self.modules[value]
  if module then return once(self, value, module, value) end
  local called = type(value) == "table" and rawget(value, "__name")
  if type(called) == "string" and called:find(METATABLE) then return called end
end

local function new(generation)
  local self = { generation = generation, homes = homes_of_library(), modules = {}, taken = {} }
  for name, value in pairs(generation.loaded) do
    if type(value) == "table" or type(value) == "function" then self.modules[value] = "module " .. name end
  end
  for _, name in ipairs { "require", "load", "loadfile", "dofile" } do
    self.homes[generation.globals[name]] = name
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
