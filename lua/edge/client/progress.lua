-- Client, progress: how far long work is: on a terminal, one line that counts, rubbed out by the next.

local client = require "luvisor.edge.client"
local system = require "host.system"

local progress = {}

local COUNTED = 2 -- from so many units on

--- Whether the host is to tell.
---@return boolean
function progress.is_wanted()
  return system.is_terminal(2)
end

--- Shows what the host tells.
---@param self table a client
function progress.show(self)
  if not progress.is_wanted() then return end
  self:on("progress", function(params)
    if params.total < COUNTED then return end
    local tail = params.done < params.total and ("%s: %s"):format(params.outcome.path, params.outcome.state) or nil
    client.print(("\r\27[K%s"):format(tail and ("%d/%d  %s"):format(params.done, params.total, tail) or ""), 2)
  end)
end

--- Rubs out what is shown.
function progress.clear()
  if progress.is_wanted() then client.print("\r\27[K", 2) end
end

return progress
