-- Reads the table given to a constructor by a schema { key = check }, and words what is wrong with it:
--   tree.lua:12: worker "poller": key "modul": unknown key, did you mean "module"?

local check = require "luvisor.core.check"

local keys = {}

---@class luvisor.Where
---@field file string
---@field line integer

--- One message about a unit.
---@param unit { kind: string, name?: any, where?: luvisor.Where }
---@param text string
---@return nil
---@return string message
---@return string code
function keys.fail(unit, text)
  local where = unit.where
  local place = where and ("%s:%d: "):format(where.file, where.line) or ""
  local name = type(unit.name) == "string" and (' "%s"'):format(unit.name:gsub("%c", "?")) or ""
  return nil, ("%s%s%s: %s"):format(place, unit.kind, name, text), "EINVAL"
end

--- One message about a key of a unit.
---@param unit { kind: string, name?: any, where?: luvisor.Where }
---@param key string
---@param text string
---@return nil
---@return string message
---@return string code
function keys.problem(unit, key, text)
  return keys.fail(unit, ('key "%s": %s'):format(key, text))
end

local function apply(schema, def, out)
  for key, value in next, def do
    local one = schema[key]
    if not one then return false end
    local ok, result = one(value)
    if not ok then return false end
    out[key] = result
  end
  return true
end

-- What supervisord and systemd call things.
local ELSEWHERE = {
  autorestart = "restart", directory = "cwd", environment = "env", exitcodes = "success", numprocs = "count",
  priority = "the order of the children, and after", startretries = "restart = luvisor.restart.retries(n)",
  startsecs = "ready = { after = seconds }", stopsignal = "stop = { signal = }", stopwaitsecs = "stop = { timeout = }",
  stdout_logfile = "stdout = { file = path }", stderr_logfile = "stderr = { file = path }",
  redirect_stderr = 'stderr = "stdout"', process_name = "name", type = "ready", requires = "after", depends = "after",
}

-- The name first, since every other message wants it; then unexpected positions; then by the alphabet.
local function by_importance(a, b)
  if (a == "name") ~= (b == "name") then return a == "name" end
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == "string" or type(a) == "number" then return a < b end
  return tostring(a) < tostring(b)
end

-- Only after apply has failed: the same again in an order that does not depend on the table's.
local function explain(schema, def, unit)
  local order = {}
  for key in next, def do order[#order + 1] = key end
  table.sort(order, by_importance)
  for _, key in ipairs(order) do
    local one = schema[key]
    if not one then
      local text = ELSEWHERE[key] and "unknown key, here it is " .. ELSEWHERE[key] or check.unknown_key(schema, key)
      if math.type(key) == "integer" then return keys.fail(unit, text) end
      return keys.problem(unit, tostring(key), text)
    end
    local ok, message, below = one(def[key])
    if not ok then return keys.problem(unit, key .. (below or ""), message) end
  end
end

--- Checks every key of `def`, and puts the normalized values into `out`, a table with kind and where.
---@param schema table<string, function>
---@param def any
---@param out table
---@return true|nil ok
---@return string? message
---@return string? code
function keys.read(schema, def, out)
  if type(def) ~= "table" then
    return keys.fail({ kind = out.kind, where = out.where }, "expected a table, got " .. check.got(def))
  end
  if not apply(schema, def, out) then
    return explain(schema, def, { kind = out.kind, where = out.where, name = def.name })
  end
  if not out.name then return keys.problem(out, "name", "missing") end
  return true
end

return keys
