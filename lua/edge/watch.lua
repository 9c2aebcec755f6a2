-- Watch: tells when a file of the script's has changed. The directories are watched, not the files: editors write
-- another file and give it the old one's name. What happens within a moment is one change, and one that leaves every
-- file as it was, by size, time and inode, is none.

local uv = require "luv"

local watch = {}

local MOMENT = 200 -- ms without another event, until it is told

---@class luvisor.Watch
local Watch = {}
Watch.__index = Watch

local function stamp(path)
  local status = uv.fs_stat(path)
  if not status then return "gone" end
  return ("%d %d %d %d"):format(status.ino, status.size, status.mtime.sec, status.mtime.nsec)
end

-- The files, and every Lua file beside them: the one that was missing may be new.
local function stamps(self)
  local all = {}
  for _, file in ipairs(self.files) do all[file] = stamp(file) end
  for directory in pairs(self.handles) do
    local scan = uv.fs_scandir(directory)
    local name = scan and uv.fs_scandir_next(scan)
    while name do
      if name:find "%.lua$" then all[directory .. "/" .. name] = stamp(directory .. "/" .. name) end
      name = uv.fs_scandir_next(scan)
    end
  end
  return all
end

local function has_changed(self)
  local before, now = self.stamps, stamps(self)
  self.stamps = now
  for file, text in pairs(now) do
    if before[file] ~= text then return true end
  end
  for file in pairs(before) do
    if not now[file] then return true end
  end
  return false
end

local function on_quiet(self)
  if has_changed(self) then self.tell() end
end

local function on_event(self)
  if self.timer:is_closing() then return end
  self.timer:start(MOMENT, 0, function() on_quiet(self) end)
end

local function watch_directory(self, directory)
  local handle = uv.new_fs_event()
  local ok, message = handle:start(directory, {}, function() on_event(self) end)
  if ok then
    self.handles[directory] = handle
    return
  end
  handle:close()
  self.write("warn", "luvisor", "--watch: %s: %s", directory, message)
end

--- Watches these files from now on, and none else.
---@param files string[]
function Watch:set(files)
  local wanted = {}
  for _, file in ipairs(files) do wanted[file:match "^(.*)/[^/]*$" or "."] = true end
  for directory, handle in pairs(self.handles) do
    if not wanted[directory] then
      handle:close()
      self.handles[directory] = nil
    end
  end
  for directory in pairs(wanted) do
    if not self.handles[directory] then watch_directory(self, directory) end
  end
  self.files = files
  if not self.timer:is_active() then self.stamps = stamps(self) end -- what is due already is still to be told
end

--- Watches no longer.
function Watch:close()
  for _, handle in pairs(self.handles) do handle:close() end
  self.handles = {}
  if not self.timer:is_closing() then self.timer:close() end
end

--- tell() is called after each change.
---@param tell fun()
---@param write function of the log
---@return luvisor.Watch
function watch.new(tell, write)
  return setmetatable({
    tell = tell, write = write, files = {}, stamps = {}, handles = {}, timer = uv.new_timer(),
  }, Watch)
end

return watch
