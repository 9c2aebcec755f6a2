-- Local REPL: `luvisor run --repl`: the terminal that the host was started from serves as a REPL as well. The host's
-- log appears above the prompt. The end of the input, Ctrl-D, stops the tree, as Ctrl-C would without it.

local console = require "luvisor.edge.repl.console"
local log = require "luvisor.edge.log"
local repl = require "luvisor.edge.repl"
local terminal = require "luvisor.edge.terminal"

local local_repl = {}

local opened

--- Begins to listen to whoever sits there.
---@param context table of the control socket's methods
---@param stop fun(name: string) what the end of the input means
function local_repl.open(context, stop)
  local given = {
    evaluator = repl.session(context), prompt = "luvisor> ",
    on_end = function()
      local_repl.close()
      stop "end of input"
    end,
  }
  if not terminal.is_there() then return console.piped(given) end
  local message
  opened, message = console.interactive(given)
  if not opened then return context.log("warn", "luvisor", "no REPL: %s", message) end
  log.divert(function(line) opened:print(line) end)
end

--- Gives the terminal back.
function local_repl.close()
  if not opened then return end
  local one = opened
  opened = nil
  log.divert(nil)
  one:close()
end

return local_repl
