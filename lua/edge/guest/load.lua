-- Load: how a guest makes what it was told into a unit's spec.

local definition = require "luvisor.edge.load.definition"
local generations = require "luvisor.edge.load.generation"
local running = require "luvisor.edge.running"

local load = {}

--- Has modules looked for beside the script.
---@param directory string as the host has found it, without links
function load.use_directory(directory)
  running.directory = directory
  generations.look_in(directory)
end

--- Whether that is a single worker, told as plain values.
function load.is_lone(told)
  return told.plain ~= nil and told.plain.kind == "worker"
end

--- Such a worker: it was checked and completed by the host, and nothing of that is loaded here.
---@param told table see luvisor.edge.guests
---@param generation luvisor.Generation
---@return table|nil spec
---@return table|string settings or message
function load.worker(told, generation)
  local spec = told.plain.keys
  spec.kind, spec.where, spec.path, spec.executor = "worker", told.plain.where, told.spec_path, "coroutine"
  spec.restart_name = "temporary" -- the host decides what comes after the end
  local ok, message = definition.prepare(spec, told.settings, generation, true)
  if not ok then return nil, message end
  return spec, told.settings
end

--- Anything else.
---@param told table
---@param generation luvisor.Generation
---@return table|nil spec
---@return table|string settings or message
function load.unit(told, generation)
  return require("luvisor.edge.loader").load_unit(told, generation)
end

--- What a reload has the guest run from now on.
---@param told table
---@param generation luvisor.Generation
---@return table|nil spec
---@return table|string settings or message
function load.anew(told, generation)
  load.use_directory(told.source.directory)
  return (load.is_lone(told) and load.worker or load.unit)(told, generation)
end

return load
