-- Loader: a supervision script, from its file to a resolved tree whose workers are loaded and checked. It starts
-- nothing; every fault is one message that names file and line, unit and key.

local lazy = require "luvisor.core.lazy"
local breath = require "luvisor.core.breath"
local claims = require "luvisor.edge.load.claims"
local definition = require "luvisor.edge.load.definition"
local explanation = lazy "luvisor.edge.load.explanation"
local fragments = lazy "luvisor.edge.load.fragment"
local generations = require "luvisor.edge.load.generation"
local keys = require "luvisor.core.spec.keys"
local identity = lazy "luvisor.edge.identity"
local place = require "luvisor.edge.load.place"
local plain = lazy "luvisor.core.spec.plain"
local program = lazy "luvisor.edge.load.program"
local replay = lazy "luvisor.core.edit.replay"
local running = require "luvisor.edge.running"
local script = require "luvisor.edge.script"
local spec = require "luvisor.core.spec"
local system = require "host.system"

local loader = {}

local function fault(unit_spec, key, message)
  return keys.problem(unit_spec, key, message)
end

-- ---- the script

local function refuse_exit()
  error("os.exit: a script describes a tree, and ends nothing", 2)
end

-- Until it is closed, however the load ends.
local function begin(directory)
  local os_exit = os.exit
  os.exit = refuse_exit -- luacheck: ignore 122
  script.begin(directory)
  return setmetatable({}, { __close = function()
    os.exit = os_exit -- luacheck: ignore 122
    script.finish()
  end })
end

-- The message with the file that it is about, said once.
local function in_file(path, message)
  if message:find "^[^\n]*:%d+: " or message:sub(1, #path + 2) == path .. ": " then return message end
  return path .. ": " .. message
end

--- Runs a chunk that describes units: what it returns, and what it says besides.
---@param chunk function
---@param path string how it is called
---@param directory string
---@return any|nil result
---@return table|string said or message
---@return string? code
function loader.run(chunk, path, directory)
  place.set_script(path)
  local over <close> = begin(directory) -- luacheck: ignore
  local ok, result = xpcall(chunk, explanation.explain)
  if not ok then return nil, in_file(path, result), "EINVAL" end
  return result, script.finish()
end

local function evaluate(path, file, generation, directory)
  local chunk, message = generation:script(path, file)
  if not chunk then return nil, in_file(path, message), "EINVAL" end
  return loader.run(chunk, path, directory)
end

-- ---- units

local function prepare_program(unit_spec)
  local ok, key, message = program.prepare(unit_spec)
  if not ok then return fault(unit_spec, key, message) end
  return true
end

--- Loads and checks the workers of a resolved unit and of everything below it, and what its programs need.
---@param unit_spec table
---@param settings table
---@param generation? luvisor.Generation the current one if not given
---@return boolean|nil ok
---@return string? message
---@return string? code
function loader.prepare(unit_spec, settings, generation)
  generation = generation or generations.current()
  breath.take()
  if unit_spec.executor == "process" then
    local who, key, reason = identity.of(unit_spec)
    if not who then return fault(unit_spec, key, reason) end
    unit_spec.identity = who
  end
  if unit_spec.kind == "worker" then return definition.prepare(unit_spec, settings, generation) end
  if unit_spec.kind == "program" then return prepare_program(unit_spec) end
  for _, child in ipairs(unit_spec.children or {}) do
    local ok, message, code = loader.prepare(child, settings, generation)
    if not ok then return nil, message, code end
  end
  if unit_spec.template then return loader.prepare(unit_spec.template, settings, generation) end
  return true
end

-- ---- all of it

local function load_tree(path, file, generation)
  local root, said, code = evaluate(path, file, generation, generations.use_directory(file))
  if code then return nil, said, code end
  if type(root) == "table" and root.kind and root.kind ~= "supervisor" then
    return nil, ('%s: the root must be a supervisor, got the %s "%s"'):format(path, root.kind, root.name), "EINVAL"
  end
  local resolved, settings = spec.resolve(root, said.defaults, system.environment())
  if not resolved then
    return nil, settings:find("^[^\n]*:%d+: ") and settings or path .. ": " .. settings, "EINVAL"
  end
  return { root = resolved, settings = settings, subscribers = said.subscribers, generation = generation }
end

local function load_all(path, file, generation)
  local loaded, message, code = load_tree(path, file, generation)
  if not loaded then return nil, message, code end
  local ok
  ok, message = loader.prepare(loaded.root, loaded.settings, generation)
  if ok then ok, message = claims.check(loaded.root) end
  if not ok then return nil, message, "EINVAL" end
  loaded.source = { path = path, directory = running.directory, files = generation:sources() }
  return loaded
end

-- What a load can change that others see; put back when it is closed, unless it was kept.
local function remember()
  local path, cpath, directory, modules = package.path, package.cpath, running.directory, {}
  local kept = {}
  for name, module in pairs(package.loaded) do modules[name] = module end
  function kept.put_back()
    package.path, package.cpath, running.directory = path, cpath, directory
    for name in pairs(package.loaded) do -- some may serve others by now, whoever has loaded them
      if modules[name] == nil and not generations.stays(name) then package.loaded[name] = nil end
    end
    for name, module in pairs(modules) do package.loaded[name] = module end
  end
  return setmetatable(kept, { __close = function() if not kept.keep then kept.put_back() end end })
end

--- Loads a script into a generation of its own. Nobody else notices before that generation is used.
---@param path string how to name it
---@param options? { file?: string, sources?: luvisor.Source[] } where it is; what to read instead of files
---@return { root: table, settings: table, subscribers: table, generation: luvisor.Generation, discard: function }|nil
---@return string? message
---@return string? code
function loader.load(path, options)
  options = options or {}
  local before <close> = remember()
  local lookups <close> = identity.remember() -- luacheck: ignore
  local loaded, message, code = load_all(path, options.file or path, generations.new(options.sources))
  if not loaded then return nil, message, code end
  before.keep, loaded.discard = true, before.put_back
  return loaded
end

-- ---- one unit, for the runtime that it has to itself

local function find(root, path)
  local at, last = root, path:match "^[^/]*"
  if last ~= root.name then return nil end
  for name in path:sub(#last + 2):gmatch "[^/]+" do
    local found = at.template and at.template.name == name and at.template
    for _, child in ipairs(at.children or {}) do
      if child.name == name then found = child end
    end
    if not found then return nil end
    at = found
  end
  return at
end

-- What is made of the script there is made again of what was edited since.
local function replay_edits(unit_spec, edits, settings, generation)
  local ok, message = loader.prepare(unit_spec, settings, generation) -- the keys of workers are looked up there
  if not ok then return nil, message end
  return replay.all(unit_spec, edits, {
    adopt = function(child, parent) return loader.adopt(child, parent, settings, generation) end,
    prepare = function(one) return one.kind ~= "worker" or loader.prepare(one, settings, generation) end,
    load = function(path, text) return fragments.load(path, text, generation) end,
    evaluate = function(text) return fragments.policy(text, generation) end,
  })
end

local function from_script(told, generation)
  local source = told.source
  local loaded, message = load_tree(source.path, source.directory .. "/", generation)
  if not loaded then return nil, message end
  local unit_spec = find(loaded.root, told.spec_path)
  if not unit_spec then return nil, ("the script says nothing of %s here"):format(told.spec_path) end
  if told.edits then unit_spec, message = replay_edits(unit_spec, told.edits, loaded.settings, generation) end
  return unit_spec, unit_spec and loaded.settings or message
end

-- The script that its runtime would load says nothing of it, nor of what has one below it.
local function mark_adopted(unit_spec)
  if unit_spec.executor ~= "coroutine" then
    local ok, message, code = plain.of(unit_spec)
    if not ok then return nil, message, code end
    unit_spec.adopted = true
  end
  for _, child in ipairs(unit_spec.children or { unit_spec.template }) do
    local ok, message, code = mark_adopted(child)
    if not ok then return nil, message, code end
  end
  return true
end

local function from_plain(told)
  local made, message = plain.spec(told.plain, spec)
  if not made then return nil, message end
  local parent = { kind = "supervisor", path = told.parent, auto_shutdown = "never", strategy = "one_for_one" }
  made, message = spec.adopt(parent, made, told.settings)
  if made then mark_adopted(made) end
  return made, made and told.settings or message
end

--- Loads what a guest was told to run.
---@param told table see luvisor.edge.guests
---@param generation luvisor.Generation
---@return table|nil spec
---@return table|string settings or message
function loader.load_unit(told, generation)
  local unit_spec, settings = (told.plain and from_plain or from_script)(told, generation)
  if not unit_spec then return nil, settings end
  local ok, message = loader.prepare(unit_spec, settings, generation)
  if not ok then return nil, message end
  if unit_spec.kind == "worker" then unit_spec.executor = "coroutine" end -- within the runtime that it has
  return unit_spec, settings
end

--- A unit that joins a running supervisor: checked, completed and loaded.
---@param generation? luvisor.Generation the current one if not given
function loader.adopt(unit_spec, parent_spec, settings, generation)
  local adopted, message, code = spec.adopt(parent_spec, unit_spec, settings)
  if not adopted then return nil, message, code end
  local ok
  ok, message, code = mark_adopted(adopted)
  if ok then ok, message, code = loader.prepare(adopted, settings, generation) end
  if not ok then return nil, message, code end
  return adopted
end

return loader
