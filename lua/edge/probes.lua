-- Probes: what machine/probe.lua asks for, by kind.

local START = {
  tcp = require("luvisor.edge.probe.tcp").start,
  http = require("luvisor.edge.probe.http").start,
  exec = require("luvisor.edge.probe.exec").start,
  fn = require("luvisor.edge.probe.fn").start,
  hook = require("luvisor.edge.probe.hook").start,
}

local probes = {}

--- Begins a probe; done(ok, message) may be called at once, or after it was called off.
---@param unit table
---@param options fun(): table those that the program was launched with
---@param probe table
---@param done fun(ok: boolean|nil, message: string|nil)
---@return function call_off
function probes.run(unit, options, probe, done)
  return START[probe.kind](unit, options, probe, function(ok, message) done(ok and true or false, message) end)
end

return probes
