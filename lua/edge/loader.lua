-- Loader: a supervision script, from its file to a resolved tree whose workers are loaded and checked. It starts
-- nothing; every fault is one message that names file and line, unit and key.

local claims = require "luvisor.edge.claims"
local fsm = require "luvisor.core.fsm"
local generations = require "luvisor.edge.generation"
local keys = require "luvisor.core.spec.keys"
local identity = require "luvisor.edge.identity"
local passage = require "luvisor.machine.passage"
local past = require "luvisor.machine.past"
local place = require "luvisor.edge.place"
local plain = require "luvisor.core.spec.plain"
local program = require "luvisor.edge.program"
local script = require "luvisor.edge.script"
local spec = require "luvisor.core.spec"
local system = require "host.system"
local worker = require "luvisor.worker"

local loader = {}

local function fault(unit_spec, key, message)
  return keys.problem(unit_spec, key, message)
end

-- ---- the script

local base_path -- package.path before any script

local function use_directory(path)
  local directory = path:match("^(.*)/[^/]*$") or "."
  local absolute = system.absolute(directory) or directory
  base_path = base_path or package.path
  package.path = ("%s/?.lua;%s/?/init.lua;"):format(absolute, absolute) .. base_path
  return absolute
end

local function say(message)
  if type(message) == "string" then return message end
  return tostring(message)
end

-- A mistake that a constructor found names its place itself; anything else comes with the way that led there.
local function explain(message)
  local text = say(message)
  if type(message) == "string" and message:find('^[^\n]*:%d+: %a+ "') then return text end
  local way = debug.traceback("", 2):gsub("\n%s*%[C%]: in [^\n]*", ""):gsub("\n[^\n]*luvisor/edge/[^\n]*", "")
  way = way:gsub("\n%s*%(%.%.%.tail calls%.%.%.%)", "")
  return way:find("traceback:\n") and text .. way or text
end

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
  local ok, result = xpcall(chunk, explain)
  if not ok then return nil, result, "EINVAL" end
  return result, script.finish()
end

local function evaluate(path, file, generation, directory)
  local chunk, message = generation:script(path, file)
  if not chunk then return nil, message:find("^[^\n]*:%d+: ") and message or path .. ": " .. message, "EINVAL" end
  return loader.run(chunk, path, directory)
end

-- ---- workers

local function missing(unit_spec, name)
  return fault(unit_spec, "module", ("no module %s beside the script or on package.path"):format(name))
end

local function load_definition(unit_spec, generation)
  local module = unit_spec.module
  if type(module) == "table" then return module end
  if not generation:has(module) then return missing(unit_spec, module) end
  local ok, definition = xpcall(generation.require, explain, generation, module)
  if not ok then
    return fault(unit_spec, "module", (definition:gsub("^error loading module '[^']*' from file '[^']*':%s*", "")))
  end
  return definition
end

local machines = {} -- by the machine as given: what is added to it

local function complete(machine)
  if machines[machine] then return machine end
  machines[machine] = true
  for _, state in ipairs(machine.order) do
    if state.outcome == "error" then machine.crashed = machine.crashed or state end
  end
  machine.crashed = machine.crashed
    or { name = "crashed", index = 255, edges = {}, events = {}, outcome = "error", transition_timeouts = {} }
  past.attach(machine)
  return machine
end

local function choose_machine(unit_spec, definition, settings)
  local machine = unit_spec.fsm or definition.fsm or fsm.default(settings.heartbeat)
  if not unit_spec.ready then return complete(machine) end
  local changed, message = machine:with_ready(unit_spec.ready)
  if not changed then return fault(unit_spec, "ready", message) end
  return complete(changed)
end

local function prepare_worker(unit_spec, settings, generation)
  local definition, message, code = load_definition(unit_spec, generation)
  if not definition and message then return nil, message, code end
  if not worker.is(definition) then
    return fault(unit_spec, "module", ("expected what worker.define() made, got %s"):format(type(definition)))
  end
  local machine
  machine, message, code = choose_machine(unit_spec, definition, settings)
  if not machine then return nil, message, code end
  local ok
  ok, message = worker.check(definition, machine)
  if not ok then return fault(unit_spec, "module", message) end
  unit_spec.definition, unit_spec.machine = definition, machine
  unit_spec.passages = passage.all(definition, machine)
  return true
end

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
  if unit_spec.executor == "process" then
    local who, key, reason = identity.of(unit_spec)
    if not who then return fault(unit_spec, key, reason) end
    unit_spec.identity = who
  end
  if unit_spec.kind == "worker" then return prepare_worker(unit_spec, settings, generation) end
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
  local root, said, code = evaluate(path, file, generation, use_directory(file))
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
  loaded.source = { path = path, directory = script.directory, files = generation:sources() }
  return loaded
end

-- What a load can change that others see; put back when it is closed, unless it was kept.
local function remember()
  local path, cpath, directory, modules = package.path, package.cpath, script.directory, {}
  local kept = {}
  for name, module in pairs(package.loaded) do modules[name] = module end
  function kept.put_back()
    package.path, package.cpath, script.directory = path, cpath, directory
    for name in pairs(package.loaded) do
      if modules[name] == nil then package.loaded[name] = nil end
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

local function from_script(told)
  local source, generation = told.source, generations.current()
  local loaded, message = load_tree(source.path, source.directory .. "/", generation)
  if not loaded then return nil, message end
  local unit_spec = find(loaded.root, told.spec_path)
  if not unit_spec then return nil, ("the script says nothing of %s here"):format(told.spec_path) end
  return unit_spec, loaded.settings
end

local function from_plain(told)
  local made, message = plain.spec(told.plain, spec)
  if not made then return nil, message end
  local parent = { kind = "supervisor", path = told.parent, auto_shutdown = "never", strategy = "one_for_one" }
  made, message = spec.adopt(parent, made, told.settings)
  if not made then return nil, message end
  return made, told.settings
end

--- Loads what a guest was told to run.
---@param told table see luvisor.edge.guests
---@return table|nil spec
---@return table|string settings or message
function loader.load_unit(told)
  script.directory = told.source.directory
  use_directory(told.source.directory .. "/")
  generations.use(generations.new(told.source.files))
  local unit_spec, settings = (told.plain and from_plain or from_script)(told)
  if not unit_spec then return nil, settings end
  local ok, message = loader.prepare(unit_spec, settings)
  if not ok then return nil, message end
  return unit_spec, settings
end

--- A unit that joins a running supervisor: checked, completed and loaded.
function loader.adopt(unit_spec, parent_spec, settings)
  local adopted, message, code = spec.adopt(parent_spec, unit_spec, settings)
  if not adopted then return nil, message, code end
  local ok
  if adopted.executor ~= "coroutine" then -- the script that its runtime would load says nothing of it
    ok, message, code = plain.of(adopted)
    if not ok then return nil, message, code end
    adopted.adopted = true
  end
  ok, message, code = loader.prepare(adopted, settings)
  if not ok then return nil, message, code end
  return adopted
end

return loader
