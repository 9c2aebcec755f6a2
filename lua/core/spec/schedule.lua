-- schedule = { cron = "*/5 * * * *" } in the spec of a program or worker, and what follows from it.

local lazy = require "luvisor.core.lazy"
local check = require "luvisor.core.check"
local cron = lazy "luvisor.core.cron"
local keys = require "luvisor.core.spec.keys"
local restart = require "luvisor.core.restart"
local units = lazy "luvisor.core.units"

local schedule = {}

local function line(value)
  local ok, message = check.text(value)
  if not ok then return false, message end
  local parsed, problem = cron.parse(value)
  if not parsed then return false, problem end
  parsed.text = value
  return true, parsed
end

local record = check.record {
  cron = line, every = check.seconds, at_start = check.boolean, overlap = check.one_of { "skip", "wait", "kill" },
  utc = check.boolean,
}

--- The check of the key; a string is short for { cron = string }.
function schedule.check(value)
  if type(value) == "string" then value = { cron = value } end
  local ok, given, below = record(value)
  if not ok then return false, given, below end
  if (given.cron == nil) == (given.every == nil) then return false, "expected one of cron and every" end
  if given.utc and given.every then return false, "is for cron", ".utc" end
  given.overlap = given.overlap or "skip"
  given.text = given.cron and ("at %s"):format(given.cron.text) or "every " .. units.text(given.every)
  return true, given
end

--- What a schedule means for the other keys: between two times the unit is down, and however a run ended the next is
--- due as ever, unless the script has a policy for those that failed.
---@param def table
---@param out table the spec
---@return true|nil ok
---@return string? message
---@return string? code
function schedule.settle(def, out)
  if not out.schedule then return true end
  if def.autostart ~= nil then return keys.problem(out, "autostart", "schedule.at_start says the same") end
  if def.restart == "permanent" or def.restart == "temporary" then
    return keys.problem(out, "restart", ('"%s" does not go with a schedule'):format(def.restart))
  end
  out.autostart = out.schedule.at_start or false
  if def.restart == nil then out.restart, out.restart_name = restart.never, nil end
  return true
end

return schedule
