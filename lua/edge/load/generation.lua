-- Generation: everything of the user's that one load of a script has read: the script, the modules that it and its
-- workers require, and the globals they share. Generations live side by side: each has copies of its own, so loading
-- one changes nothing of another, and one that fails leaves nothing behind. luvisor's modules and C modules are shared.

local place = require "luvisor.edge.load.place"
local system = require "host.system"

local generation = {}

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
Generation.__index = Generation

local current
local identify -- nil where it is of no interest

-- ---- sources

local function read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local text, reason = file:read("a")
  file:close()
  if not text then return nil, ("%s: %s"):format(path, reason) end
  return (text:gsub("^#[^\n]*", "")) -- a "#!" line keeps its newline, and the lines their numbers
end

-- The text of a source: as it was given, or as the file says; nil, message; or the text, nil and its stamp.
local function source_of(self, name, path)
  if self.given then
    local source = self.given[name]
    if source then return source.text end
  end
  local stamp = identify and identify(path) -- before it is read: a change meanwhile is one more than there was
  local text, message = read(path)
  return text, message, stamp
end

local function record(self, name, path, text, stamp)
  local source = { name = name, path = path, text = text, stamp = stamp }
  self.list[#self.list + 1] = source
  self.by_name[name] = source
end

--- The script as a function; it is not called.
---@param path string how the script was named
---@param file string where it is
---@return function|nil chunk
---@return string? message
function Generation:script(path, file)
  local text, message, stamp = source_of(self, "", file)
  if not text then return nil, message end
  record(self, "", path, text, stamp)
  return load(text, "@" .. path, "t", self.globals)
end

--- Remembers what it has loaded so far: the function drops what has come after.
---@return fun()
function Generation:mark()
  local shallow = require "luvisor.core.shallow"
  local loaded, by_name, count = shallow(self.loaded), shallow(self.by_name), #self.list
  return function()
    self.loaded, self.by_name = loaded, by_name
    for i = #self.list, count + 1, -1 do self.list[i] = nil end
  end
end

--- Everything that was read so far, for a load of the same elsewhere or later.
---@return luvisor.Source[]
function Generation:sources()
  return table.move(self.list, 1, #self.list, 1, {})
end

--- The texts of two generations are mostly the same: kept once.
---@param before luvisor.Generation
function Generation:share(before)
  for _, source in ipairs(self.list) do
    local old = before.by_name[source.name]
    if old and old.text == source.text then source.text = old.text end
  end
end

-- ---- modules

local base_path -- package.path before any script

--- Has modules looked for beside the script.
---@param path string of the script
---@return string directory
function generation.use_directory(path)
  local directory = path:match("^(.*)/[^/]*$") or "."
  local absolute = system.absolute(directory) or directory
  base_path = base_path or package.path
  package.path = ("%s/?.lua;%s/?/init.lua;"):format(absolute, absolute) .. base_path
  return absolute
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

local in_c = {} -- names of modules in C that somebody has required
local builtin = {}
for name in pairs(package.preload) do builtin[name] = true end

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
  local text, message, stamp = source_of(self, name, path)
  if not text then error(message, 0) end
  local chunk
  chunk, message = load(text, "@" .. path, "t", self.globals)
  if not chunk then error(message, 0) end
  record(self, name, path, text, stamp)
  local value = chunk(name, path)
  if value ~= nil then self.loaded[name] = value end
  if self.loaded[name] == nil then self.loaded[name] = true end
  return self.loaded[name]
end

place.add_runner(load_module, 3)

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

local function with_globals(self, fn)
  return function(chunk, name, mode, ...)
    if select("#", ...) > 0 then return fn(chunk, name, mode, ...) end
    return fn(chunk, name, mode, self.globals)
  end
end

-- For whoever called require: Lua's own message lists every file that there is not. Of a `return require "name"` no
-- frame is left to name.
local function refuse_module(name)
  local message = ("module '%s' not found beside the script or on package.path"):format(name)
  if not debug.getinfo(2, "t").istailcall then error(message, 3) end
  local where = place.of(3)
  error(("%s:%d: %s"):format(where.file, where.line, message), 0)
end

local function add_loaders(self)
  local globals = self.globals
  function globals.require(name)
    if type(name) ~= "string" then error("require: expected a name, got " .. type(name), 2) end
    if not self:has(name) then refuse_module(name) end
    local module, path = self:require(name)
    return module, path
  end
  function globals.loadfile(path, mode, ...)
    if select("#", ...) > 0 then return loadfile(path, mode, ...) end
    return loadfile(path, mode, globals)
  end
  function globals.dofile(path)
    local chunk, message = loadfile(path, nil, globals)
    if not chunk then error(message, 2) end
    local results = table.pack(chunk())
    return table.unpack(results, 1, results.n)
  end
  globals.load = with_globals(self, load)
  place.add_runner(globals.dofile, 1)
end

--- A new generation, in which nothing is loaded yet; `given`: sources to use instead of files.
---@param given? luvisor.Source[]
---@return luvisor.Generation
function generation.new(given)
  local self = setmetatable({ globals = {}, loaded = {}, loading = {}, list = {}, by_name = {} }, Generation)
  for name, value in pairs(_G) do self.globals[name] = value end
  self.globals._G, self.builtin = self.globals, {}
  add_loaders(self)
  for name, value in pairs(self.globals) do self.builtin[name] = value end
  if given then
    self.given = {}
    for _, source in ipairs(given) do self.given[source.name] = source end
  end
  return self
end

--- The globals that the generation's own code has set.
---@return table
function Generation:own_globals()
  local own = {}
  for name, value in pairs(self.globals) do
    if self.builtin[name] ~= value then own[name] = value end
  end
  return own
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
  current = current or generation.new()
  return current
end

--- Makes a generation the current one; returns the one before.
---@param one luvisor.Generation
---@return luvisor.Generation|nil
function generation.use(one)
  local before = current
  current = one
  return before
end

--- The sources of the one that runs.
---@return luvisor.Source[]
function generation.sources()
  return generation.current():sources()
end

return generation
