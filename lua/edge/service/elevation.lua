-- Elevation: programs that become somebody else, or more, when they are executed. The kernel forgets then that they are
-- to die with the host; the script's author is told.

local account = require "host.account"
local executable = require "luvisor.edge.load.executable"

local elevation = {}

local function note_of(who, file)
  local how = file and account.elevation(file, who.uid, who.gid)
  return how and ("%s %s: the kernel does not kill it when the host dies (die_with_host); the next host finds it")
    :format(file, how == "has capabilities" and how or "is " .. how)
end

-- Programs that look for the same file in the same place are mostly many.
local function key_of(spec, who)
  return table.concat({ spec.command[1], spec.cwd or "", executable.path(spec), who.uid, who.gid }, "\0")
end

--- Tells once of each executable: tell(path of a unit that has it, text).
---@param root table a resolved spec
---@param tell fun(path: string, text: string)
function elevation.each(root, tell)
  local known, told = {}, {}
  local uid, gid = account.own()
  local function look(spec, path)
    local who = { uid = spec.identity and spec.identity.uid or uid, gid = spec.identity and spec.identity.gid or gid }
    local key = key_of(spec, who)
    if known[key] then return end
    known[key] = true
    local file = executable.find(spec)
    local text = note_of(who, file)
    if text and not told[file] then
      told[file] = true
      tell(path, text)
    end
  end
  local function visit(spec, path)
    if spec.kind == "program" and spec.die_with_host and not spec.no_new_privs then look(spec, path) end
    for _, child in ipairs(spec.children or {}) do visit(child, path .. "/" .. child.name) end
    if spec.template then visit(spec.template, path .. "/" .. spec.template.name) end
  end
  visit(root, root.name)
end

return elevation
