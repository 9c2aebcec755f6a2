-- Brief: what a table of units shows of each, as a short row in place of a record: a third of the text, to write and to
-- read. What is not there is false, and left away at the end.

local brief = {}

local MS = 1000
local NEEDED = 8 -- values that are always there

--- The row of a unit; see luvisor.machine.inspect.
---@return table
function brief.pack(depth, name, state, running, ready, pid, uptime, restarts, why, drift, omitted, children)
  local row = {
    depth, name, state, running, ready, pid or false, uptime and uptime * MS // 1 | 0 or false, restarts, why or false,
    drift or false, omitted or false, children or false,
  }
  for i = #row, NEEDED + 1, -1 do
    if row[i] then break end
    row[i] = nil
  end
  return row
end

--- The record of a row, as far as it goes.
---@param row table
---@param record? table in which it is to be, in place of a new one
---@return table
function brief.unpack(row, record)
  record = record or {}
  record.depth, record.name, record.path, record.state, record.running = row[1], row[2], row[2], row[3], row[4]
  record.ready, record.pid, record.uptime = row[5], row[6] or nil, row[7] and row[7] / MS or nil
  record.restarts, record.why, record.drift = row[8], row[9] or nil, row[10] or nil
  record.omitted, record.children = row[11] or nil, row[12] or nil
  return record
end

return brief
