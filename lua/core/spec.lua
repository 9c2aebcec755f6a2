-- Specs: what a script says about its units, checked by the constructors and completed for the whole tree.
-- A spec is a plain table, and nothing changes it after it was resolved.

local partition = require "luvisor.core.spec.partition"
local program = require "luvisor.core.spec.program"
local resolve = require "luvisor.core.spec.resolve"
local supervisor = require "luvisor.core.spec.supervisor"
local unit = require "luvisor.core.spec.unit"
local worker = require "luvisor.core.spec.worker"

-- Constructors: (def, where) -> spec | nil, message, "EINVAL", where = { file =, line = } of the call.
return {
  worker = worker.new,
  program = program.new,
  supervisor = supervisor.new,
  partition = partition.new,
  is = unit.is,
  resolve = resolve.tree,
  adopt = resolve.child,
  shutdown = resolve.shutdown,
}
