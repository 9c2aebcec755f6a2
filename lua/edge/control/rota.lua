-- Rota: long work for clients of the control socket, a portion in each turn of the loop. Clients take turns, and the
-- work of one is done in its order, so however much one has asked for, another waits for a portion of it at a time. For
-- one that does not read what it has got already, nothing is done until it does.

local runtime = require "host.runtime"

local rota = {}

local order, queues, busy = {}, {}, false -- clients in turn, their work

-- Who waits for work that fails is told so, before everybody else hears of the fault.
local function run(work)
  local ok, over = xpcall(work.step, debug.traceback)
  if ok then return over end
  work.reply(nil, "internal error, see the log of the host", "INTERNAL")
  error(over, 0)
end

local serve

local function line_up(client)
  order[#order + 1] = client
  if not busy then serve() end
end

function serve()
  local client = table.remove(order, 1)
  busy = client ~= nil
  if not client then return end
  if client.hold and client:hold(function() line_up(client) end) then return serve() end
  local queue = queues[client]
  local work = not client.closed and table.remove(queue, 1)
  if not work then
    queues[client] = nil
    return serve()
  end
  order[#order + 1] = client
  runtime.after(0, serve) -- before anything can go wrong
  if not run(work) then table.insert(queue, 1, work) end
end

--- Has step() called again and again until it returns true; the first time at once if nobody else waits.
---@param client luvisor.Connection
---@param step fun(): boolean
---@param reply fun(result: any, message: string?, code: string?) who is told when step fails
function rota.put(client, step, reply)
  local work, queue = { step = step, reply = reply }, queues[client]
  if queue then
    queue[#queue + 1] = work
    return
  end
  queues[client] = { work }
  line_up(client)
end

return rota
