-- Cgroups: control groups for programs and for guests in processes, below the one that the host is in: version 2
-- where its controllers are there, else version 1. What is there is found out when the first of them asks, and what is
-- missing is said once: it then runs without that limit.
--
-- In version 2 a group with limited children may hold no processes of its own, so the host moves into a child, too.

local process = require "host.process"
local uv = require "luv"

local cgroups = {}

local CONTROLLERS = { "memory", "pids", "cpu" }
local PERIOD = 100000 -- microseconds
local KILL = 9
local IS_GONE = { [2] = true, [19] = true } -- ENOENT, ENODEV

local function read(path)
  local file, _, number = io.open(path)
  if not file then return nil, number end
  local text
  text, _, number = file:read "a"
  file:close()
  return text, number
end

local function write(path, text)
  local fd, message, code = uv.fs_open(path, "w", 0)
  if not fd then return nil, message, code end
  local written
  written, message, code = uv.fs_write(fd, text)
  uv.fs_close(fd)
  return written, message, code
end

-- ---- what is there

-- The host's own group in each hierarchy: by the name of a controller, or "" for version 2.
local function own_groups()
  local groups = {}
  for names, path in (read "/proc/self/cgroup" or ""):gmatch "%d+:([^:]*):([^\n]*)\n" do
    if names == "" then groups[""] = path end
    for name in names:gmatch "[^,]+" do groups[name] = path end
  end
  return groups
end

local function directory_of(mount, path)
  local whole = mount .. (path == "/" and "" or path)
  return uv.fs_stat(whole) and whole or mount
end

-- Where those groups are.
local function bases()
  local found, groups = {}, own_groups()
  for line in (read "/proc/self/mountinfo" or ""):gmatch "[^\n]+" do
    local mount, kind, options = line:match "^%S+ %S+ %S+ %S+ (%S+) .- %- (cgroup2?) %S+ (%S+)"
    if kind == "cgroup2" then found[""] = directory_of(mount, groups[""] or "/") end
    for name in (kind == "cgroup" and options or ""):gmatch "[^,]+" do
      if groups[name] then found[name] = directory_of(mount, groups[name]) end
    end
  end
  return found
end

local function directories_in(directory)
  local list = {}
  local scan = uv.fs_scandir(directory)
  while scan do
    local name, kind = uv.fs_scandir_next(scan)
    if not name then break end
    if kind == "directory" then list[#list + 1] = name end
  end
  return list
end

-- What hosts that were killed have left in there; a group that still has somebody cannot be removed.
local function clean_up(base)
  for _, name in ipairs(directories_in(base)) do
    local pid = name:match "^luvisor%-(%d+)%." or name:match "^luvisor%-host%-(%d+)%."
    if pid and not uv.fs_stat("/proc/" .. pid) then
      local above = base .. "/" .. name
      for _, one in ipairs(directories_in(above)) do uv.fs_rmdir(above .. "/" .. one) end
      uv.fs_rmdir(above)
    end
  end
end

local function enable(directory, name)
  return write(directory .. "/cgroup.subtree_control", "+" .. name) ~= nil
end

-- Moves the host out of the way of the limits of its children.
local function make_room(base, name)
  local leaf = base .. "/luvisor-host-" .. process.instance
  if not uv.fs_mkdir(leaf, 493) or not write(leaf .. "/cgroup.procs", "0") then return false end
  return enable(base, name)
end

-- The directory below which groups with that controller are made; nil when there is none.
local function find_two(base, name)
  local known = base and read(base .. "/cgroup.controllers") or ""
  if not known:find("%f[%w]" .. name .. "%f[%W]") then return nil end
  return enable(base, name) or make_room(base, name)
end

local function probe(self)
  self.bases, self.two = bases(), {}
  for _, base in pairs(self.bases) do clean_up(base) end
  for _, name in ipairs(CONTROLLERS) do
    if find_two(self.bases[""], name) then self.two[name] = true end
  end
end

-- ---- groups

local FILES = {
  memory = { two = function(v) return { ["memory.max"] = v } end,
    one = function(v) return { ["memory.limit_in_bytes"] = v } end },
  pids = { two = function(v) return { ["pids.max"] = v } end, one = function(v) return { ["pids.max"] = v } end },
  cpu = { two = function(v) return { ["cpu.max"] = ("%d %d"):format(v * PERIOD // 1, PERIOD) } end,
    one = function(v) return { ["cpu.cfs_quota_us"] = ("%d"):format(v * PERIOD // 1) } end },
}

local function set(directory, files)
  for name, value in pairs(files) do
    local ok, message, code = write(directory .. "/" .. name, tostring(value))
    if not ok then return nil, ("%s: %s"):format(name, message), code end
  end
  return true
end

-- All directories of one program: of version 2, if it is there, and of each controller of version 1 that it needs.
local function plan(self, limits)
  local list, two = {}, {}
  for _, name in ipairs(CONTROLLERS) do
    local value = limits[name]
    local how = value and (self.two[name] and "two" or self.bases[name] and "one")
    if how == "two" then two[#two + 1] = FILES[name].two(value) end
    if how == "one" then list[#list + 1] = { base = self.bases[name], files = { FILES[name].one(value) } } end
    if value and not how and not self.told[name] then
      self.told[name] = true
      self.log("warn", "luvisor", "no cgroup controller for %s here: programs run without that limit", name)
    end
  end
  if self.bases[""] then table.insert(list, 1, { base = self.bases[""], files = two, is_two = true }) end
  return list
end

local function make(self, one, name)
  local above = ("%s/luvisor-%s"):format(one.base, process.instance)
  local ok, message, code = uv.fs_mkdir(above, 493)
  if not ok and code ~= "EEXIST" then return nil, message, code end
  self.made[above] = true
  for controller in pairs(one.is_two and self.two or {}) do enable(above, controller) end
  one.path = above .. "/" .. name
  ok, message, code = uv.fs_mkdir(one.path, 493)
  if not ok and code ~= "EEXIST" then return nil, message, code end
  for _, files in ipairs(one.files) do
    ok, message, code = set(one.path, files)
    if not ok then return nil, message, code end
  end
  return true
end

-- A name may have a dot in it, but no "+": no two units have the same group.
local function name_of(path, generation)
  return ("%s.%d"):format(path:gsub("/", "+"), generation)
end

-- nil when there is no telling, as without a file descriptor; a group that is not there has nobody.
local function members_of(list)
  local seen, pids = {}, {}
  for _, one in ipairs(list) do
    local text, number = read(one.path .. "/cgroup.procs")
    if not text and not IS_GONE[number] then return nil end
    for pid in (text or ""):gmatch "%d+" do
      if not seen[pid] then pids[#pids + 1] = math.tointeger(tonumber(pid)) end
      seen[pid] = true
    end
  end
  return pids
end

-- How often the kernel has killed somebody for want of memory: there, or in version 2 below it, too.
local function oom_kills(directory, is_two, is_local)
  local events = is_local and "/memory.events.local" or "/memory.events"
  local text = read(directory .. (is_two and events or "/memory.oom_control"))
  return tonumber((text or ""):match "oom_kill (%d+)") or 0
end

local function group_of(list)
  local group = { procs = {} }
  for i, one in ipairs(list) do group.procs[i] = one.path .. "/cgroup.procs" end

  function group.members() return members_of(list) end

  -- What was in the group a moment ago is killed; version 2 does it itself, for all of it at once.
  function group.kill(pids)
    if list[1].is_two and write(list[1].path .. "/cgroup.kill", "1") then return end
    for _, pid in ipairs(pids) do uv.kill(pid, KILL) end
  end

  function group.oom_kills()
    local kills = 0
    for _, one in ipairs(list) do kills = kills + oom_kills(one.path, one.is_two) end
    return kills
  end

  function group.close()
    for _, one in ipairs(list) do uv.fs_rmdir(one.path) end
  end

  return group
end

-- What a unit has where no group can be had.
local NOTHING = {
  procs = {}, members = function() return {} end, oom_kills = function() return 0 end, close = function() end,
}

---@param log function
---@return { open: function, close: function }
function cgroups.new(log)
  local self = { log = log, told = {}, made = {} }

  --- A group for one generation of a program; it may be without some of the limits, or have no directory at all.
  ---@param path string of the unit
  ---@param limits { memory?: integer, pids?: integer, cpu?: number }
  ---@param generation integer
  ---@return table|nil group
  ---@return string? message
  ---@return string? code
  function self.open(path, limits, generation)
    if not self.bases then probe(self) end
    local list, kept = plan(self, limits), {}
    for _, one in ipairs(list) do
      local ok, message, code = make(self, one, name_of(path, generation))
      local is_needed = next(one.files) ~= nil
      if not ok and is_needed and code ~= "EACCES" and code ~= "EROFS" and code ~= "EPERM" then
        return nil, ("%s: %s"):format(one.base, message), code
      end
      if ok then kept[#kept + 1] = one end
      if not ok and not self.told[one.base] then
        self.told[one.base] = true
        log("warn", "luvisor", "%s cannot be used: %s", one.base, message)
      end
    end
    return kept[1] and group_of(kept) or NOTHING
  end

  local function own_oom_kills()
    local own = bases()
    return (own.memory and oom_kills(own.memory) or 0) + (own[""] and oom_kills(own[""], true, true) or 0)
  end

  --- Notes how often the kernel has killed in the host's own group for want of memory, before somebody starts there.
  function self.note_oom()
    self.ooms = self.ooms or own_oom_kills()
  end

  --- Whether it has since; each such kill is told once.
  ---@return boolean
  function self.take_oom()
    if not self.ooms or own_oom_kills() <= self.ooms then return false end
    self.ooms = self.ooms + 1
    return true
  end

  --- Removes what is left of the groups: everybody is gone.
  function self.close()
    for directory in pairs(self.made) do uv.fs_rmdir(directory) end
  end

  return self
end

return cgroups
