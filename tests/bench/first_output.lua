-- SPDX-License-Identifier: Apache-2.0
-- From the start of a process to its first output, from outside.
-- usage: luvisor lua first_output.lua SAMPLES COMMAND [ARGUMENT...]
-- cold.start: the median.

local uv = require "luv"

local SAMPLES, command = tonumber(arg[1]), arg[2]
local arguments = table.move(arg, 3, #arg, 1, {})
local times = {}

local function median(list)
  table.sort(list)
  return list[math.ceil(#list / 2)]
end

local function measure(on_end)
  local pipe = uv.new_pipe(false)
  local began = uv.hrtime()
  local heard
  local handle
  handle = assert(uv.spawn(command, { args = arguments, stdio = { nil, pipe, nil } }, function()
    handle:close()
    pipe:close()
    on_end(heard)
  end))
  pipe:read_start(function(_, chunk)
    if chunk and not heard then heard = uv.hrtime() - began end
  end)
end

local function note(heard)
  if not heard then
    io.stderr:write(command, " said nothing\n")
    os.exit(1)
  end
  times[#times + 1] = heard
  if #times < SAMPLES then return measure(note) end
  io.write(("cold.start\t%.6g\tms\n"):format(median(times) / 1e6))
end

measure(note)
