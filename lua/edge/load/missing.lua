-- Missing: what programs would not find on this machine if they were started now. It may be there by then, as when
-- another unit makes it: so these are warnings, and a start says for certain.

local executable = require "luvisor.edge.load.executable"
local keys = require "luvisor.core.spec.keys"
local uv = require "luv"

local missing = {}

-- ---- commands

local function commands_of(spec)
  local function command(probe) return probe and probe.kind == "exec" and probe.command end
  return {
    { "command", spec.command },
    { "ready.exec", command(spec.ready and spec.ready.probe) },
    { "health.exec", command(spec.health and spec.health.probe) },
    { "stop.command", command(spec.stop and spec.stop.command) },
    { "reload.command", command(spec.reload and spec.reload.command) },
  }
end

local function look_for_commands(spec, tell)
  for _, one in ipairs(commands_of(spec)) do
    local key, name = one[1], one[2] and one[2][1]
    if name and not executable.find(spec, name) then
      tell(key, ("there is no program %s%s"):format(name, name:find "/" and "" or " on its PATH"))
    end
  end
end

-- ---- log files

local IS_LOG = { file = true, char = true }

-- Why a log cannot be opened there, or nil.
local function obstacle(path)
  local status = uv.fs_lstat(path)
  if status and status.type == "link" then return path .. " is a symbolic link, which no log follows" end
  if status and not IS_LOG[status.type] then return ("%s is a %s, not a file"):format(path, status.type) end
  if status then return not uv.fs_access(path, "W") and path .. " may not be written to" or nil end
  local directory = path:match "^(.*/)[^/]*$" or "."
  status = uv.fs_stat(directory)
  if not status then return "there is no directory " .. directory end
  return not uv.fs_access(directory, "W") and ("%s may not be written to"):format(directory) or nil
end

local function look_for_logs(spec, tell)
  for _, key in ipairs { "stdout", "stderr" } do
    local target = spec[key]
    local text = type(target) == "table" and target.file and obstacle(target.file)
    if text then tell(key .. ".file", text) end
  end
end

-- ---- all of it

local function visit(spec, look)
  if spec.kind == "program" then look(spec) end
  for _, child in ipairs(spec.children or {}) do visit(child, look) end
  if spec.template then visit(spec.template, look) end
end

--- Tells what is missing, once where units that were made by the same line miss the same.
---@param root luvisor.Spec resolved
---@param tell fun(text: string) with file, line, unit and key
function missing.each(root, tell)
  local told = {}
  visit(root, function(spec)
    local function once(key, text)
      local id = ("%s:%d %s %s"):format(spec.where and spec.where.file, spec.where and spec.where.line or 0, key, text)
      if told[id] then return end
      told[id] = true
      tell((select(2, keys.problem(spec, key, text))))
    end
    look_for_commands(spec, once)
    look_for_logs(spec, once)
  end)
end

return missing
