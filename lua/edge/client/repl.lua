-- Client, REPL: `luvisor repl`: a terminal, a pipe or one piece of code, and a session in the running host.

local client = require "luvisor.edge.client"
local console = require "luvisor.edge.repl.console"
local system = require "host.system"
local terminal = require "luvisor.edge.terminal"

local client_repl = {}

local LONGEST = 3600 -- seconds for one answer; the host has limits of its own

---@class luvisor.RemoteEvaluator: luvisor.Evaluator
local Remote = {}
Remote.__index = Remote

function Remote:eval(code, sink, done)
  self.client:on("repl.output", function(params) sink(params.text) end)
  self.client:call("repl.eval", { code = code }, function(result, message)
    if not result then sink(("error: %s\n"):format(message)) end
    done(result and result.ok or false)
  end, LONGEST)
  return true
end

function Remote:complete(text, done)
  self.client:call("repl.complete", { text = text }, function(result)
    if result then done(result.candidates, result.replaced) end
  end)
end

function Remote:cancel()
  self.client:call("repl.cancel", {}, function() end)
end

local function interactive(given, self)
  given.prompt = self.place.name .. "> "
  local opened, message = console.interactive(given)
  if not opened then return client.quit(client.codes.FAILED, message) end
  self.leaving = function()
    opened:print "the host is gone\n"
    opened:close()
    client.quit(client.codes.NO_HOST)
  end
end

--- Attaches to a running host.
---@param _ string[]
---@param options { eval?: string }
---@return integer|nil
function client_repl.call(_, options)
  return client.connect(options, function(self)
    local given = {
      evaluator = setmetatable({ client = self }, Remote),
      on_end = function(code) system.quit(code) end,
    }
    if options.eval then return console.once(given, options.eval) end
    if terminal.is_there() then return interactive(given, self) end
    console.piped(given)
  end)
end

return client_repl
