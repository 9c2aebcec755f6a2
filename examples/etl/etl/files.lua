-- SPDX-License-Identifier: Apache-2.0
-- Files, as workers use them: every call waits for the disk without holding up the other workers, and raises what goes
-- wrong. There is nothing to clean up after a crash: a file is either there whole, or has a name that nobody reads.

local uv = require "luv"

local files = {}

-- Calls a file system function of luv. Its callback gets error and result; a refusal at once is nil, message, code.
local function call(self, fn, ...)
  local err, result, code = self:await(fn, ...)
  if err or code then error(err or result, 3) end
  return result
end

-- Closes the descriptor on every way out, a cancelled worker's too.
local function closing(fd)
  return setmetatable({}, { __close = function() uv.fs_close(fd) end })
end

--- Makes a directory and those above it.
function files.make_directory(path)
  local at = path:sub(1, 1) == "/" and "" or "."
  for part in path:gmatch "[^/]+" do
    at = at .. "/" .. part
    local ok, message, code = uv.fs_mkdir(at, tonumber("755", 8))
    if not ok and code ~= "EEXIST" then error(message, 2) end
  end
end

--- Names of the files in a directory that end so, sorted.
function files.list(self, directory, ending)
  local names = {}
  local scan = call(self, uv.fs_scandir, directory)
  while true do
    local name = uv.fs_scandir_next(scan)
    if not name then break end
    if name:sub(-#ending) == ending then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- What tells one version of a file from the next; nil when there is no such file.
function files.version(path)
  local stat = uv.fs_stat(path)
  if not stat or stat.type ~= "file" then return nil end
  return ("%d %d.%09d"):format(stat.size, stat.mtime.sec, stat.mtime.nsec)
end

--- The contents of a file; nil and a message when it cannot be opened, or is larger than `most` bytes.
function files.read(self, path, most)
  local err, fd, code = self:await(uv.fs_open, path, "r", 0)
  if err or code then return nil, err or fd end
  local _ <close> = closing(fd)
  local size = call(self, uv.fs_fstat, fd).size
  if most and size > most then return nil, ("%d bytes, more than %d"):format(size, most) end
  return size == 0 and "" or call(self, uv.fs_read, fd, size, 0)
end

--- Puts a file into a directory: written and on disk under another name first, then renamed.
function files.write(self, directory, name, text)
  local temporary = ("%s/%s.part"):format(directory, name)
  do
    local fd = call(self, uv.fs_open, temporary, "w", tonumber("644", 8))
    local _ <close> = closing(fd)
    call(self, uv.fs_write, fd, text, 0)
    call(self, uv.fs_fsync, fd)
  end
  files.move(self, temporary, directory .. "/" .. name)
end

function files.move(self, from, to)
  call(self, uv.fs_rename, from, to)
end

function files.remove(self, path)
  call(self, uv.fs_unlink, path)
end

return files
