-- Fragment: a piece of Lua that describes units for a tree that runs. It is run with the modules and globals of the
-- script that runs, and returns a unit or a list of units. Or one that describes a policy.

local loader = require "luvisor.edge.loader"
local running = require "luvisor.edge.running"
local spec = require "luvisor.core.spec"

local fragment = {}

local POLICY = 'local luvisor = require "luvisor" return '

local function as_list(made, path)
  if spec.is(made) then made = { made } end
  local count = 0
  for _, one in pairs(type(made) == "table" and made or {}) do count = count + (spec.is(one) and 1 or math.huge) end
  if count > 0 and count == #made then return made end
  return nil, path .. ": expected a unit, or a list of units, to be returned", "EINVAL"
end

--- The units that a piece of Lua returns; not resolved yet.
---@param path string what it was read from
---@param text string
---@param generation luvisor.Generation
---@return luvisor.Spec[]|nil
---@return string? message
---@return string? code
function fragment.load(path, text, generation)
  local chunk, message = load((text:gsub("^#[^\n]*", "")), "@" .. path, "t", generation.noting or generation.globals)
  if not chunk then return nil, message, "EINVAL" end
  local made, said, code = loader.run(chunk, path, running.directory)
  debug.setupvalue(chunk, 1, generation.globals) -- which all functions in it share
  if code then return nil, said, code end
  if said.defaults then return nil, path .. ": luvisor.defaults is for the script of the tree", "EINVAL" end
  return as_list(made, path)
end

--- The policy that a text of Lua is: "luvisor.restart.retries(3)".
---@param text string
---@param generation luvisor.Generation
---@return function|nil policy
---@return string? message
---@return string? code
function fragment.policy(text, generation)
  local chunk, message = load(POLICY .. text, "=policy", "t", generation.globals)
  if not chunk then return nil, message, "EINVAL" end
  local ok, policy = pcall(chunk)
  if not ok then return nil, tostring(policy), "EINVAL" end
  if type(policy) == "function" then return policy end
  return nil, ("expected a policy, which is a function, got %s"):format(type(policy)), "EINVAL"
end

return fragment
