-- Confine: what a script and its workers may not do in the runtime that they share with others, each refused with a
-- word on what to do instead. In a process of their own there is nothing to protect but the runtime's loop.

local confine = {}

local function refuse(library, name, message)
  library[name] = function() error(message, 2) end
end

local SIGURG = 23

-- The hook is what interrupts a worker, and the signal is what sets it.
local function keep_signal(uv)
  local start, methods = uv.signal_start, debug.getregistry().uv_signal.__index
  function uv.signal_start(signal, name, ...)
    if name == SIGURG or type(name) == "string" and name:lower() == "sigurg" then
      error("SIGURG: is how a runaway worker is stopped", 2)
    end
    return start(signal, name, ...)
  end
  methods.start = uv.signal_start
end

local function keep_luv(uv)
  keep_signal(uv)
  for _, name in ipairs { "run", "stop", "loop_close", "walk" } do
    refuse(uv, name, ("uv.%s: the loop is the host's"):format(name))
  end
end

local function keep_loop()
  refuse(debug, "sethook", "debug.sethook: is how a runaway worker is stopped")
  if package.loaded.luv then return keep_luv(package.loaded.luv) end
  local open = package.preload.luv
  local function open_kept(name)
    local uv = open(name)
    keep_luv(uv)
    return uv
  end
  package.preload.luv, package.preload.uv = open_kept, open_kept
end

--- In the host: a worker that ended the process, or the loop, would leave the programs to themselves.
function confine.host()
  keep_loop()
  refuse(os, "exit", "os.exit: would end the host and leave its programs behind; return an event, or raise an error")
end

-- A hook cannot interrupt a finalizer, so one that never ends could not be stopped.
local function refuse_finalizers()
  local original = setmetatable
  function setmetatable(value, meta) -- luacheck: ignore 121
    if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
      error("__gc: a thread has no finalizers, they could not be interrupted; use <close>", 2)
    end
    return original(value, meta)
  end
end

-- Bytecode is not checked when it is loaded, and can break into the host.
local function refuse_bytecode()
  local load_text, load_file = load, loadfile
  debug.getregistry()["luvisor.load"] = load_text -- for what is this binary's own, see load/code.lua
  function load(chunk, name, _, ...) return load_text(chunk, name, "t", ...) end -- luacheck: ignore 121
  function loadfile(path, _, ...) return load_file(path, "t", ...) end -- luacheck: ignore 121
end

--- On a thread: it shares the process, and what waits in C cannot be ended.
function confine.thread()
  keep_loop()
  local instead = ': would hold the thread in C, where nobody can stop it; use luvisor.program or executor = "process"'
  refuse(os, "exit", "os.exit: would end the host; return an event, or raise an error")
  refuse(os, "execute", "os.execute" .. instead)
  refuse(io, "popen", "io.popen" .. instead)
  refuse(os, "setlocale", "os.setlocale: is the whole process's")
  refuse_finalizers()
  refuse_bytecode()
end

--- In a process of its own.
function confine.process()
  keep_loop()
end

return confine
