-- Elevation: programs that become somebody else, or more, when they are executed. The kernel forgets then that they are
-- to die with the host; the script's author is told.

local account = require "host.account"
local uv = require "luv"

local elevation = {}

local function find(spec)
  local file = spec.command[1]
  if file:find "/" then return file:sub(1, 1) == "/" and file or (spec.cwd or ".") .. "/" .. file end
  local path = (spec.variables or spec.env or {}).PATH or not spec.clear_env and os.getenv "PATH" or ""
  for directory in path:gmatch "[^:]+" do
    local candidate = directory .. "/" .. file
    if directory:sub(1, 1) == "/" and uv.fs_access(candidate, "X") then return candidate end
  end
  return nil
end

local function note_of(spec)
  if not spec.die_with_host or spec.no_new_privs or type(spec.command) ~= "table" then return nil end
  local file = find(spec)
  local uid, gid = account.own()
  local who = spec.identity or {}
  local how = file and account.elevation(file, who.uid or uid, who.gid or gid)
  return how and ("%s %s: the kernel does not kill it when the host dies (die_with_host); the next host finds it")
    :format(file, how == "has capabilities" and how or "is " .. how), file
end

--- Tells once of each executable: tell(path of a unit that has it, text).
---@param root table a resolved spec
---@param tell fun(path: string, text: string)
function elevation.each(root, tell)
  local told = {}
  local function visit(spec, path)
    if spec.kind == "program" then
      local text, file = note_of(spec)
      if text and not told[file] then
        told[file] = true
        tell(path, text)
      end
    end
    for _, child in ipairs(spec.children or {}) do visit(child, path .. "/" .. child.name) end
    if spec.template then visit(spec.template, path .. "/" .. spec.template.name) end
  end
  visit(root, root.name)
end

return elevation
