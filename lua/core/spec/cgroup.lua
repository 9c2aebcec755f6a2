-- cgroup = { memory = "64MB", pids = 100, cpu = 1.5 }, or true: a control group of its own for everybody of the
-- program, with limits of bytes, of processes and threads, and of processors. Checked into the table, {} for true.

local check = require "luvisor.core.check"

local record = check.record {
  memory = check.size, pids = check.integer(1, 2 ^ 31 - 1), cpu = check.number(0.01, 1024),
}

--- The check of the key.
return function(value)
  if value == true then return true, {} end
  if type(value) ~= "table" then return check.expected("{ memory =, pids =, cpu = } or true", value) end
  return record(value)
end
