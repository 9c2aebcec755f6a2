-- Check: `luvisor check`: loads a script as run would, and prints its tree.

local bounds = require "luvisor.edge.load.bounds"
local descriptors = require "luvisor.edge.service.descriptors"
local elevation = require "luvisor.edge.service.elevation"
local missing = require "luvisor.edge.load.missing"
local system = require "host.system"
local units = require "luvisor.core.units"

local check = {}

local function after_text(spec)
  local parts = {}
  for name, condition in pairs(spec.after or {}) do parts[#parts + 1] = name .. " " .. condition end
  table.sort(parts)
  return #parts > 0 and "after " .. table.concat(parts, ", ") or nil
end

local function what(spec)
  if spec.kind == "worker" then
    return type(spec.module) == "string" and "worker " .. spec.module or "worker"
  elseif spec.kind == "program" then
    return "program " .. table.concat(spec.command, " ")
  end
  local restarts = spec.intensity.restarts
  return ("supervisor %s, %d restart%s within %s"):format(spec.strategy, restarts, restarts == 1 and "" or "s",
    units.text(spec.intensity.within))
end

local function describe(spec)
  local parts = { what(spec), spec.restart_name or "policy", after_text(spec) or nil }
  if spec.critical then parts[#parts + 1] = "critical" end
  if spec.schedule then parts[#parts + 1] = spec.schedule.text end
  if spec.autostart == false and not spec.schedule then parts[#parts + 1] = "not started by itself" end
  return table.concat(parts, ", ")
end

local function add_lines(lines, spec, depth)
  lines[#lines + 1] = ("%s%s (%s)"):format(("  "):rep(depth), spec.name, describe(spec))
  for _, child in ipairs(spec.children or {}) do add_lines(lines, child, depth + 1) end
  if spec.template then add_lines(lines, spec.template, depth + 1) end
end

local function warn(text)
  system.put(2, ("luvisor: warning: %s\n"):format(text))
end

--- Prints the tree of a script, or what is wrong with it; what it would miss on this machine is a warning.
---@param path string
---@return integer code
function check.tree(path)
  local loaded, message = bounds.load(path)
  if not loaded then
    system.put(2, "luvisor: " .. message .. "\n")
    return 2
  end
  local lines = {}
  add_lines(lines, loaded.root, 0)
  system.put(1, table.concat(lines, "\n") .. "\n")
  local function warn_of(unit, text) warn(("%s: %s"):format(unit, text)) end
  elevation.each(loaded.root, warn_of)
  descriptors.check(loaded.root, warn_of)
  missing.each(loaded.root, warn)
  return 0
end

return check
