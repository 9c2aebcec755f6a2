-- Watch: tells when a file of the script's has changed. The directories are watched, not the files: editors write
-- another file and give it the old one's name. What happens within a moment is one change, and one that leaves every
-- file as it was, by size, time and inode, is none. Of other files there nothing is heard: a log that is written beside
-- the script would put off the end of the moment for ever.

local uv = require "luv"

local watch = {}

local MOMENT = 200 -- ms without another event, until it is told

---@class luvisor.Watch
local Watch = {}
Watch.__index = Watch

local function text_of(status)
  if not status then return "gone" end
  return ("%d %d %d %d"):format(status.ino, status.size, status.mtime.sec, status.mtime.nsec)
end

--- What tells a file in its state from any other.
---@param path string
---@return string
function watch.stamp(path)
  return text_of(uv.fs_stat(path))
end

-- Counts what is under way: the returned functions begin and end a part of it, done() is called after the last.
local function counter(done)
  local open = 0
  local function over()
    open = open - 1
    if open == 0 then done() end
  end
  return function() open = open + 1 end, over
end

local function lua_files(directory, scan)
  local list = {}
  for name in uv.fs_scandir_next, scan do
    if name:find "%.lua$" then list[#list + 1] = directory .. "/" .. name end
  end
  return list
end

-- The files, and every Lua file beside them: the one that was missing may be new. A disk that is slow is waited for on
-- libuv's threads, not here.
local function take_stamps(self, done)
  local all = {}
  local begin, over = counter(function() done(all) end)
  local function stamp(path)
    begin()
    uv.fs_stat(path, function(_, status)
      all[path] = text_of(status)
      over()
    end)
  end
  begin()
  for _, file in ipairs(self.files) do stamp(file) end
  for directory in pairs(self.handles) do
    begin()
    uv.fs_scandir(directory, function(_, scan)
      for _, file in ipairs(scan and lua_files(directory, scan) or {}) do stamp(file) end
      over()
    end)
  end
  over()
end

local function are_same(before, now)
  for file, text in pairs(now) do
    if before[file] ~= text then return false end
  end
  for file in pairs(before) do
    if not now[file] then return false end
  end
  return true
end

local function compare(self)
  self.checking = true
  take_stamps(self, function(now)
    self.checking = false
    if self.timer:is_closing() then return end
    local before, unsure = self.stamps, self.unsure
    self.stamps, self.unsure = now, false
    if unsure or not are_same(before, now) then self.tell() end
  end)
end

local function has_changed(read, now)
  for file, text in pairs(read) do
    if now[file] ~= text then return true end
  end
end

-- What changes meanwhile may have been seen already or not; and what has since it was read was not heard of.
local function begin_anew(self, read)
  self.beginning = self.beginning + 1
  take_stamps(self, function(now)
    self.beginning = self.beginning - 1
    self.stamps = now
    if has_changed(read, now) and not self.timer:is_closing() then self.tell() end
  end)
end

-- Without a name it may be any.
local function concerns(self, name)
  return not name or self.names[name] or name:find "%.lua$"
end

local function on_event(self, name)
  if self.timer:is_closing() or not concerns(self, name) then return end
  if self.beginning > 0 then self.unsure = true end
  self.timer:start(MOMENT, 0, function() compare(self) end)
end

local function watch_directory(self, directory)
  local handle = uv.new_fs_event()
  local ok, message = handle:start(directory, {}, function(_, name) on_event(self, name) end)
  if ok then
    self.handles[directory] = handle
    return
  end
  handle:close()
  self.write("warn", "luvisor", "--watch: %s: %s", directory, message)
end

--- Watches these files from now on, and none else.
---@param files string[]
---@param read? table<string, string> their stamps when they were read
function Watch:set(files, read)
  local wanted = {}
  self.names = {}
  for _, file in ipairs(files) do
    wanted[file:match "^(.*)/[^/]*$" or "."] = true
    self.names[file:match "[^/]+$"] = true
  end
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
  if self.timer:is_active() or self.checking then return end -- there is something to be told
  begin_anew(self, read or {})
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
    tell = tell, write = write, files = {}, names = {}, handles = {}, stamps = {}, beginning = 0,
    timer = uv.new_timer(),
  }, Watch)
end

return watch
