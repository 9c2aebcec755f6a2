-- SPDX-License-Identifier: Apache-2.0
-- A connection of the control socket in the process of the test: its near end made by the module under test, its far
-- end a bare pipe; and modules that are other than they are.

local host = require "host"
local runtime = require "host.runtime"
local uv = require "luv"

local connected = {}

--- A module as it would be with another text in place of one in its source, and that source.
function connected.altered(name, from, to)
  local text = assert(host.read(("%s/lua/edge/%s.lua"):format(host.root, name)))
  local changed, count = text:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%")))
  assert(count == 1, from)
  return assert(load(changed, "@" .. name))(), changed
end

---@class Pair
---@field near? table      the connection, after connect()
---@field far userdata     the pipe
---@field lines string[]   that the connection was given
---@field overflows integer[]
local Pair = {}
Pair.__index = Pair

function connected.pair()
  local self = setmetatable({ server = uv.new_pipe(false), far = uv.new_pipe(false), lines = {}, overflows = {} }, Pair)
  self.path = host.directory() .. "/s"
  assert(self.server:bind(self.path))
  return self
end

--- The near end as a connection of that module.
function Pair:connect(module)
  self.server:listen(1, function()
    local pipe = uv.new_pipe(false)
    self.server:accept(pipe)
    self.near = module.new(pipe, {
      runtime = runtime, uid = 0, pid = 0,
      on_line = function(_, line) self.lines[#self.lines + 1] = line end,
      on_overflow = function(_, bytes) self.overflows[#self.overflows + 1] = bytes end,
    })
  end)
  self.far:connect(self.path, function() end)
  assert(host.wait_until(function() return self.near end, 10))
  return self.near
end

function Pair:close()
  if self.near then self.near:close() end
  for _, pipe in ipairs { self.server, self.far } do
    if not pipe:is_closing() then pipe:close() end
  end
  host.wait_until(function() return not uv.loop_alive() end, 0.01)
  host.clean_up()
end

return connected
