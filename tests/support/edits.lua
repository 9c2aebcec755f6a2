-- SPDX-License-Identifier: Apache-2.0
-- Edits: what commands that change a running tree say, and what its status is then: for the specs of live edits.

local assert = require "luassert"
local host = require "host"
local json = require "host.json"

local edits = {}

---@class Edits
---@field process table whom the commands are for; set by the spec when it runs
---@field seconds number that one may take
local Edits = {}
Edits.__index = Edits

---@param seconds number
---@return Edits
function edits.new(seconds)
  return setmetatable({ seconds = seconds }, Edits)
end

--- Runs a command: its code, stdout and stderr.
function Edits:luvisor(...)
  return self.process:client({ ... }, self.seconds)
end

--- Runs one that succeeds and says just that.
function Edits:says(expected, ...)
  local code, out, err = self:luvisor(...)
  assert.equal(0, code, err)
  assert.equal(expected, out)
end

--- Runs one that is refused with that, and not by a fault.
function Edits:refuses(pattern, ...)
  local code, out, err = self:luvisor(...)
  assert.equal(1, code, out)
  assert.truthy(err:find(pattern), err)
  assert.falsy(err:find "internal error", err)
end

--- What `status` says of all units, by path.
function Edits:status()
  local _, out = self:luvisor("status", "--json")
  local units = {}
  for _, unit in ipairs(json.decode(out).units) do units[unit.path] = unit end
  return units
end

--- Writes a file for `add`, which returns that; its path.
function edits.write_more(directory, text)
  host.write(directory .. "/more.lua", 'local luvisor = require "luvisor" return ' .. text)
  return directory .. "/more.lua"
end

return edits
