-- Specs: what a script says about its units, checked by the constructors and completed for the whole tree.
-- A spec is a plain table, and nothing changes it after it was resolved.

local lazy = require "luvisor.core.lazy"
local partition = lazy "luvisor.core.spec.partition"
local program = lazy "luvisor.core.spec.program"
local resolve = require "luvisor.core.spec.resolve"
local supervisor = require "luvisor.core.spec.supervisor"
local unit = require "luvisor.core.spec.unit"
local worker = require "luvisor.core.spec.worker"

-- Constructors: (def, where) -> spec | nil, message, "EINVAL", where = { file =, line = } of the call.
return {
  worker = worker.new,
  program = function(...) return program.new(...) end,
  supervisor = supervisor.new,
  partition = function(...) return partition.new(...) end,
  is = unit.is,
  resolve = resolve.tree,
  adopt = resolve.child,
  shutdown = resolve.shutdown,
}
