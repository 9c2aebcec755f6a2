-- Signals: what the process's signals mean to a running tree: TERM and INT stop it, a second one kills it, QUIT writes
-- the tree to the log, USR1 opens the log files again, HUP reloads the script.

local lazy = require "luvisor.core.lazy"
local branch = require "luvisor.machine.branch"
local daemon = lazy "luvisor.edge.service.daemon"
local manager = require "luvisor.edge.service.manager"
local process = require "host.process"
local system = require "host.system"
local uv = require "luv"

local signals = {}

local handles = {}
local obey -- what TERM and INT do, once there is a tree

local function dump(write, unit, depth)
  local state, pid = unit:describe()
  local text = ("%s%s %s"):format(("  "):rep(depth), tostring(unit.name), state)
  if pid then text = text .. " pid " .. pid end
  if unit.restarts then text = ("%s, %d restarts"):format(text, unit.restarts) end
  if unit.last_exit then text = ("%s, last exit: %s"):format(text, tostring(unit.last_exit)) end
  write("warn", "luvisor", "%s", text)
  for _, child in ipairs(branch.children(unit)) do dump(write, child, depth + 1) end
end

--- What stops a tree: the first call gracefully, a second one kills; it is given the name of who asks.
---@return fun(name: string)
function signals.stopper(tree, write)
  return function(name)
    if tree.stopping then
      write("warn", "luvisor", "%s again: killing everything", name)
      return tree:kill(name)
    end
    tree.stopping = true
    write("info", "luvisor", "%s: stopping", name)
    manager.stopping(name)
    tree:stop(name)
  end
end

local function on(name, fn)
  local handle = uv.new_signal()
  handles[#handles + 1] = handle
  handle:start(name, function() fn(name:upper()) end)
end

-- Called from the loop, which turns when the tree is there.
local function listen()
  on("sigterm", function(name) obey(name) end)
  on("sigint", function(name) obey(name) end)
end

--- Before the script is loaded. Other processes are ended by TERM meanwhile; for PID 1 the kernel drops a signal that
--- nobody listens to, and the container would not stop.
function signals.begin()
  if system.pid() == 1 then listen() end
end

--- Begins to listen.
---@param tree table
---@param write function
---@param actions { reload: function }
function signals.install(tree, write, actions)
  obey = signals.stopper(tree, write)
  if not handles[1] then listen() end
  on("sigquit", function() dump(write, tree.root, 0) end)
  on("sighup", function(name)
    write("info", "luvisor", "%s: reloading", name)
    actions.reload("signal " .. name:upper():gsub("^SIG", ""))
  end)
  on("sigusr1", function(name)
    write("info", "luvisor", "%s: reopening %d log files", name, process.reopen() + (daemon.reopen() and 1 or 0))
  end)
end

--- Ends listening.
function signals.close()
  for _, handle in ipairs(handles) do
    if not handle:is_closing() then handle:close() end
  end
  handles = {}
end

return signals
