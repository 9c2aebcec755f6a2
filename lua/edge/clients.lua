-- Clients: the commands that talk to a running host, as the command line knows them.

local clients = {}

local PLACE = {
  { name = "name", value = "NAME", text = "the host of that name (default)" },
  { name = "socket", value = "PATH", text = "the host with that control socket" },
}

local JSON = { name = "json", text = "print JSON, for programs" }

-- A command is loaded when it is called: the others cost nothing.
local function command(name, operands, least, text, options)
  local all = table.move(PLACE, 1, #PLACE, #options + 1, table.move(options, 1, #options, 1, {}))
  clients[name] = {
    name = name, operands = operands, least = least, options = all, text = text,
    call = function(...) return require("luvisor.edge.client_" .. name).call(...) end,
  }
end

command("status", "[UNIT...]", 0, "show the units of a running host, with state, pid, uptime, restarts and why", {
  JSON,
  { name = "all", text = "every child of a pool, however many there are" },
  { name = "wide", text = "memory and CPU time, too" },
})

return clients
