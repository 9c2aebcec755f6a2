-- Clients: the commands that talk to a running host, as the command line knows them.

local clients = {}

local PLACE = {
  { name = "name", value = "NAME", text = "the host of that name (default)" },
  { name = "socket", value = "PATH", text = "the host with that control socket" },
}
local JSON = { name = "json", text = "print JSON, for programs" }
local NO_WAIT = { name = "no-wait", text = "ask for it, and do not wait for what comes of it" }
local TIMEOUT = { name = "timeout", value = "SECONDS", text = "how long to wait (60)" }

-- A command is loaded when it is called: the others cost nothing.
local function module(name)
  return require("luvisor.edge.client." .. name)
end

local function command(name, operands, least, text, options, call)
  local all = table.move(PLACE, 1, #PLACE, #options + 1, table.move(options, 1, #options, 1, {}))
  clients[#clients + 1] = {
    name = name, operands = operands, least = least, options = all, text = text,
    most = operands == "" and 0 or nil, call = call or function(...) return module(name).call(...) end,
  }
end

local function change(name, text, force, more)
  command(name, "UNIT...", 1, text, { NO_WAIT, TIMEOUT, force and { name = "force", text = force }, more },
    function(operands, options) return module "command".change(name, operands, options) end)
end

command("status", "[UNIT...]", 0, "show the units of a running host, with state, pid, uptime, restarts and why", {
  JSON,
  { name = "all", text = "every child of a pool, however many there are" },
  { name = "wide", text = "memory and CPU time, too" },
})
command("why", "UNIT...", 1, "show what happened to units, each with its cause", { JSON })
change("start", "start units, and wait until they are ready")
change("stop", "stop units, and wait until they are gone", "kill them at once")
change("restart", "stop units and start them again", "kill them at once, then start", {
  name = "rolling", text = "the instances of a counted program one after the other, each ready before the next",
})
command("signal", "SIG UNIT...", 2, "send a signal to programs", {},
  function(...) return module "command".signal(...) end)
command("logs", "UNIT...", 1, "show the last that units have said", {
  { name = "follow", short = "f", text = "go on with what they say, over restarts" },
  { name = "lines", short = "n", value = "N", text = "so many lines of each (10)" },
})
command("events", "[UNIT...]", 0, "show what happens to units, as it happens", {
  { name = "json", text = "print a JSON object a line, for programs" },
  { name = "kind", value = "KIND,...", text = "only these kinds, such as exit,fatal" },
})
command("history", "[UNIT...]", 0, "show what happened to units, also before the host was started", {
  { name = "since", value = "WHEN", text = "all since then: 2h, 3d, 2026-11-20, \"2026-11-20 22:30\"" },
  { name = "lines", short = "n", value = "N", text = "the last N (100)" },
  { name = "file", value = "PATH", text = "read this file, whatever host wrote it" }, JSON,
})
command("reload", "", 0, "load the script again, show what has changed, and apply it", {
  { name = "dry-run", text = "show it only" }, NO_WAIT, TIMEOUT, JSON,
}, function(_, options) return module "reload".call("reload", options) end)
command("rollback", "", 0, "go back to what ran before the last reload", { NO_WAIT, TIMEOUT, JSON },
  function(_, options) return module "reload".call("rollback", options) end)
local function edit(name, operands, least, most, text, options)
  options[#options + 1] = JSON
  command(name, operands, least, text, options, function(...) return module("edit")[name](...) end)
  clients[#clients].most = most
end

edit("add", "FILE", 1, 1, "add the units that a Lua file returns, until the next reload", {
  { name = "under", value = "PATH", text = "to that supervisor, and not to the root" }, NO_WAIT, TIMEOUT,
})
edit("remove", "UNIT...", 1, nil, "stop units and forget them, until the next reload", {})
edit("scale", "UNIT N", 2, 2, "have a counted program run N instances, until the next reload",
  { NO_WAIT, TIMEOUT })
edit("set", "UNIT KEY VALUE", 3, 3, "give a key another value in place, until the next reload", {})

command("shutdown", "", 0, "stop the tree and end the host", {
  { name = "force", text = "kill everything at once" }, NO_WAIT, TIMEOUT,
}, function(...) return module "command".shutdown(...) end)

command("repl", "", 0, "evaluate Lua in a running host", {
  { name = "eval", short = "e", value = "CODE", text = "evaluate this and be done" },
})

command("top", "", 0, "a dashboard of a running host, on the whole screen", {})

return clients
