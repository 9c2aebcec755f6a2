-- Brief: what a table of units shows of each, as a short row in place of a record: a third of the text, to write and to
-- read. What is not there is false, and left away at the end.

local brief = {}

local MS = 1000

--- The row of a record.
---@param about table of luvisor.machine.inspect, with its depth
---@param name string what it is to be called
---@return table
function brief.pack(about, name)
  local row = {
    about.depth, name, about.state, about.running, about.ready, about.pid or false,
    about.uptime and about.uptime * MS // 1 | 0 or false, about.restarts, about.why or false, about.drift or false,
    about.omitted or false, about.children or false,
  }
  while not row[#row] do row[#row] = nil end
  return row
end

--- The record of a row, as far as it goes.
---@param row table
---@return table
function brief.unpack(row)
  return {
    depth = row[1], name = row[2], path = row[2], state = row[3], running = row[4], ready = row[5],
    pid = row[6] or nil, uptime = row[7] and row[7] / MS or nil, restarts = row[8], why = row[9] or nil,
    drift = row[10] or nil, omitted = row[11] or nil, children = row[12] or nil,
  }
end

return brief
