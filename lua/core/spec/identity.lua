-- The keys of a program that say as whom it runs and what it finds there, as far as they can be checked without asking
-- the machine; luvisor.edge.identity and luvisor.edge.load.program do the rest when the script is loaded.

local check = require "luvisor.core.check"

local identity = {}

local LARGEST_ID = 2 ^ 32 - 2 -- -1 means "leave it" to the kernel

local function account(what)
  local id = check.integer(0, LARGEST_ID)
  return function(value)
    if type(value) == "number" then
      local ok, result = id(value)
      if ok then return true, result end
    elseif type(value) == "string" and value ~= "" and not value:find "[%z:\n]" then
      return true, value
    end
    return check.expected(what, value)
  end
end

identity.user = account "a user, by name or id"
identity.group = account "a group, by name or id"
identity.groups = check.list("groups", identity.group)

local function path(value)
  local ok, text = check.text(value)
  if not ok then return false, text end
  local optional = text:sub(1, 1) == "-"
  if optional then text = text:sub(2) end
  if text == "" then return false, "names no file" end
  return true, { path = text, optional = optional }
end

local paths = check.list("paths", path)

--- One path or a list of them, each with "-" before it when the file may be missing; always a list of
--- { path =, optional = }.
function identity.env_file(value)
  if type(value) == "table" then return paths(value) end
  if type(value) ~= "string" then return check.expected("a path or a list of paths", value) end
  local ok, one = path(value)
  if not ok then return false, one end
  return true, { one }
end

return identity
