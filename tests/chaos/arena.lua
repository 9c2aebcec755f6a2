-- SPDX-License-Identifier: Apache-2.0
-- An arena: one host with the tree that is tormented, from outside: its process, its directory, its commands, and what
-- is expected of it. What of it runs has CHAOS=NAME in its environment.

local host = require "host"
local json = require "host.json"
local proc = require "proc"
local uv = require "luv"

local arena = {}

---@class Arena
local Arena = {}
Arena.__index = Arena

local here = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$"

--- The units below the root; supervisors first, as they are started.
arena.supervisors = { "top/inner", "top/inner/core" }
arena.leaves = {
  "top/plain", "top/family", "top/stubborn", "top/escaping", "top/talking", "top/shouting", "top/crashing",
  "top/telling", "top/checked", "top/changing", "top/many:0", "top/many:1", "top/many:2", "top/coroutine",
  "top/inner/first", "top/inner/second", "top/inner/thread", "top/inner/core/left", "top/inner/core/right",
  "top/process",
}

--- Makes the place of a host, and starts it.
---@param base string directory of the whole run
---@param logs string directory that may get full
function arena.new(base, logs, name, run)
  local self = setmetatable({ name = name, dir = base .. "/" .. name, variant = 0, kills = 0 }, Arena)
  self.logs, self.tag = logs .. "/" .. name, run .. "-" .. name
  for _, path in ipairs { self.dir, self.logs } do assert(uv.fs_mkdir(path, 448)) end
  self.env = {
    CHAOS = self.tag, CHAOS_DIR = self.dir, CHAOS_LOGS = self.logs,
    CHAOS_VICTIM = os.getenv "LUVISOR_HELPERS" .. "/victim",
    XDG_RUNTIME_DIR = base,
  }
  self:launch()
  return self
end

--- Starts the host: a first time, or after its death.
function Arena:launch()
  self.process = host.spawn({ "run", "--name", self.name, "--log-file", self.dir .. "/log", "--log-size", "100MB",
    here .. "/tree.lua" }, self.env)
  self.pid = self.process.pid
end

--- Kills the host, and starts the next one of that name.
function Arena:replace()
  self.process:signal "sigkill"
  assert(self.process:wait(10))
  self.kills = self.kills + 1
  self:launch()
end

--- Sends the host a signal; one that has just begun does not listen yet, and would die of it.
function Arena:tell(signal)
  if proc.catches(self.pid, uv.constants[signal:upper()]) then self.process:signal(signal) end
end

--- Starts a client command of this host.
---@return Process
function Arena:begin(command, ...)
  return host.spawn({ command, "--name", self.name, ... }, { XDG_RUNTIME_DIR = self.env.XDG_RUNTIME_DIR })
end

--- Runs a client command to its end.
---@return integer|nil code nil when it does not end
---@return string output
function Arena:command(command, ...)
  local process = self:begin(command, ...)
  local code = process:wait(90)
  if not code then process:signal "sigkill" end
  return code, process:output()
end

--- Who of it lives, its host apart.
function Arena:members()
  local list = proc.with("CHAOS", self.tag)
  for i = #list, 1, -1 do
    if list[i].pid == self.pid then table.remove(list, i) end
  end
  return list
end

--- The units, as the host sees them, by path; nil and what was said when there is no answer.
---@return table<string, table>|nil
---@return string|nil
function Arena:status()
  local process = self:begin("status", "--json")
  local code = process:wait(20)
  if code ~= 0 and code ~= 3 then
    process:signal "sigkill"
    return nil, ("status: exit %s: %s"):format(code, process:output())
  end
  local units = {}
  for _, unit in ipairs(json.decode(process:stdout()).units) do units[unit.path] = unit end
  return units
end

--- The form that the tree has from the next reload on.
function Arena:set_variant(number)
  self.variant = number
  host.write(self.dir .. "/variant.new", tostring(number))
  assert(uv.fs_rename(self.dir .. "/variant.new", self.dir .. "/variant"))
end

--- Whether there is a file of that name in its directory; units look for it.
function Arena:flag(name, is_there)
  if is_there then host.write(self.dir .. "/" .. name, "") else uv.fs_unlink(self.dir .. "/" .. name) end
end

return arena
