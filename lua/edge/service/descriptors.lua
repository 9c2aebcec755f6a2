-- Descriptors: whether the host may have as many open files as its programs need.

local account = require "host.account"

local descriptors = {}

local OWN = 32 -- of the host, and what a launch needs for a moment

local function of_stream(target)
  if type(target) == "table" then return target.file and 2 or 1 end
  return type(target) == "function" and 1 or 0
end

local function needed(spec)
  if spec.executor == "process" then return 1 end
  local sum = 0
  if spec.kind == "program" then
    sum = 1 + of_stream(spec.stdout) + of_stream(spec.stderr)
    for _ in pairs(spec.sockets or {}) do sum = sum + 1 end
  end
  for _, child in ipairs(spec.children or {}) do sum = sum + needed(child) end
  return sum
end

--- Tells when there are too few: tell(path of the root, text).
---@param root table a resolved spec
---@param tell fun(path: string, text: string)
function descriptors.check(root, tell)
  local need, _, most = OWN + needed(root), account.limit "nofile"
  if need <= most then return end
  tell(root.name, ("its programs need some %d open files, and the host may have %d (ulimit -Hn)"):format(need, most))
end

return descriptors
