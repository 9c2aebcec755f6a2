-- Generation: everything of the user's that one load of a script has read: the script, the modules that it and its
-- workers require, and the globals they share. Generations live side by side: each has copies of its own, so loading
-- one changes nothing of another, and one that fails leaves nothing behind. luvisor's modules and C modules are shared.

local parts = require "luvisor.core.parts"
local running = require "luvisor.edge.running"
local system = require "host.system"

local generation = {
  runners = setmetatable({}, { __mode = "k" }), -- function -> which of its locals is the path of the file it runs
}

---@class luvisor.Source
---@field name string   of the module, "" for the script
---@field path string
---@field text string
---@field stamp? string which file it was, and in what state, where that is of interest

---@class luvisor.Generation
---@field globals table         what its code sees as _G
---@field loaded table          modules by name
---@field list luvisor.Source[] in the order in which they were read
local Generation = { __name = "luvisor.generation" }
Generation.__index = parts(Generation, "luvisor.edge.load.sources")

--- The class of generations.
generation.class = Generation

local identify -- nil where it is of no interest

-- ---- sources

-- The text of a source: as it was given, or as the file says; nil, message; or the text, nil and its stamp.
function Generation:source_of(name, path)
  if self.given then
    local source = self.given[name]
    if source then return source.text end
  end
  local stamp = identify and identify(path) -- before it is read: a change meanwhile is one more than there was
  local text, message = self.read(path)
  return text, message, stamp
end

function Generation:record(name, path, text, stamp)
  local source = { name = name, path = path, text = text, stamp = stamp }
  self.list[#self.list + 1] = source
  self.by_name[name] = source
end

-- ---- modules

--- Has modules looked for beside the script.
---@param path string of the script
---@return string directory
function generation.use_directory(path)
  local directory = path:match("^(.*)/[^/]*$") or "."
  local absolute = system.absolute(directory) or directory
  generation.look_in(absolute)
  return absolute
end

--- Has modules looked for in a directory.
---@param absolute string
function generation.look_in(absolute)
  running.base_path = running.base_path or package.path -- as it is before any script
  package.path = ("%s/?.lua;%s/?/init.lua;"):format(absolute, absolute) .. running.base_path
end

local function path_of(self, name)
  local given = self.given and self.given[name]
  if given then return given.path end
  return package.searchpath(name, package.path)
end

--- Whether this is the name of a module of luvisor's.
---@param name string
---@return boolean
function generation.is_own(name)
  return name:find "^luvisor%f[%.\0]" ~= nil or name:find "^host%." ~= nil
end

local in_c = running.in_c or {} -- names of modules in C that somebody has required
local builtin = running.builtin or {}
if not running.builtin then
  running.in_c, running.builtin = in_c, builtin
  for name in pairs(package.preload) do builtin[name] = true end
end

--- Whether a module of this name stays when what has loaded it is dropped: others may have it by now.
---@param name string
---@return boolean
function generation.stays(name)
  return in_c[name] or generation.is_own(name)
end

local function is_shared(name)
  return package.loaded[name] ~= nil or package.preload[name] or generation.is_own(name)
end

--- Whether there is a module of this name.
---@param name string
---@return boolean
function Generation:has(name)
  return (self.loaded[name] ~= nil or is_shared(name) or path_of(self, name)
    or package.searchpath(name, package.cpath)) and true or false
end

local function load_module(self, name, path)
  local text, message, stamp = self:source_of(name, path)
  if not text then error(message, 0) end
  local chunk
  chunk, message = load(text, "@" .. path, "t", self.noting or self.globals)
  if not chunk then error(message, 0) end
  self:record(name, path, text, stamp)
  local value = chunk(name, path)
  if self.noting then debug.setupvalue(chunk, 1, self.globals) end -- which all functions in it share
  if value ~= nil then self.loaded[name] = value end
  if self.loaded[name] == nil then self.loaded[name] = true end
  return self.loaded[name]
end

generation.load_module = load_module

local LOADING = {}

--- A module of this generation, or a shared one; raises as Lua's own does.
---@param name string
---@return any module
---@return string? path
function Generation:require(name)
  local value = self.loaded[name]
  if value ~= nil then return value end
  local path = not is_shared(name) and path_of(self, name)
  if not path then
    in_c[name] = builtin[name] or not package.preload[name]
    return require(name)
  end
  if self.loading[name] == LOADING then error(("module %s requires itself"):format(name), 0) end
  self.loading[name] = LOADING
  local unmark <close> = setmetatable({}, { __close = function() self.loading[name] = nil end }) -- luacheck: ignore
  local module = load_module(self, name, path)
  return module, path
end

-- ---- globals

local function add_loaders(self)
  local globals = self.globals
  function globals.require(name)
    if type(name) ~= "string" then error("require: expected a name, got " .. type(name), 2) end
    if not self:has(name) then require("luvisor.edge.load.loaders").refuse(name) end
    local module, path = self:require(name)
    return module, path
  end
  for _, name in ipairs { "load", "loadfile", "dofile" } do
    globals[name] = function(...) return require("luvisor.edge.load.loaders").of(globals)[name](...) end
  end
end

--- A new generation, in which nothing is loaded yet; `given`: sources to use instead of files. Nobody asks one that
--- `is_lone` for its own globals.
---@param given? luvisor.Source[]
---@param is_lone? boolean
---@return luvisor.Generation
function generation.new(given, is_lone)
  local self = setmetatable({ globals = {}, loaded = {}, loading = {}, list = {}, by_name = {} }, Generation)
  for name, value in pairs(_G) do self.globals[name] = value end
  self.globals._G = self.globals
  add_loaders(self)
  self.builtin = {}
  for name, value in pairs(is_lone and {} or self.globals) do self.builtin[name] = value end
  if given then self:give(given) end
  return self
end

--- Sources to use instead of files, of one in which nothing is loaded yet.
---@param given luvisor.Source[]
function Generation:give(given)
  self.given = {}
  for _, source in ipairs(given) do self.given[source.name] = source end
end

--- Has stamps of files noted down as they are read from now on.
---@param fn fun(path: string): string|nil
function generation.identify(fn)
  identify = fn
end

-- ---- the one that runs

--- The generation that runs, or is being loaded.
---@return luvisor.Generation
function generation.current()
  running.generation = running.generation or generation.new()
  return running.generation
end

--- Makes a generation the current one; returns the one before.
---@param one luvisor.Generation
---@return luvisor.Generation|nil
function generation.use(one)
  local before = running.generation
  running.generation = one
  return before
end

--- The sources of the one that runs.
---@return luvisor.Source[]
function generation.sources()
  return generation.current():sources()
end

return generation
