-- Repl commands: the functions that a session of the REPL has beside Lua's own. Each takes units by path, by an
-- unambiguous last part, or as handles.

local repl_commands = {}

function repl_commands.make(session, print)
  local own = {}
  function own.help() print("help") end
  return own
end

return repl_commands
