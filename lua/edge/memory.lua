-- Memory: what a number of processes hold together, from /proc: the memory that each has for itself, and the largest
-- part that one of them shares, since the others probably share the same.

local memory = {}

local function kilobytes(status, name)
  return math.tointeger(tonumber(status:match("\n" .. name .. ":%s*(%d+) kB"))) or 0
end

local function of_process(pid)
  local file = io.open(("/proc/%d/status"):format(pid), "rb")
  if not file then return 0, 0 end
  local status = file:read("a") or ""
  file:close()
  return kilobytes(status, "RssAnon"), kilobytes(status, "RssFile") + kilobytes(status, "RssShmem")
end

--- Bytes that the processes hold; one that is gone holds none.
---@param pids integer[]
---@return integer
function memory.of(pids)
  local own, shared = 0, 0
  for _, pid in ipairs(pids) do
    local its_own, its_shared = of_process(pid)
    own, shared = own + its_own, math.max(shared, its_shared)
  end
  return (own + shared) * 1024
end

return memory
