-- Repl: one session of inspection: an environment that lasts, and code that is evaluated in it, one piece at a time,
-- apart from every worker. Time and output of a piece are bounded.

local branch = require "luvisor.machine.branch"
local candidates = require "luvisor.core.candidates"
local evaluation = require "luvisor.edge.repl.evaluation"
local exit = require "luvisor.core.exit"
local litter = require "luvisor.edge.litter"
local pretty = require "luvisor.core.pretty"
local repl_commands = require "luvisor.edge.repl.commands"
local snippet = require "luvisor.core.snippet"

local repl = {}

local NO_MEMORY = "not enough memory" -- as Lua has it

local LIMIT = 10         -- seconds for one piece, unless it asks for more
local MEMORY = 64 << 20  -- bytes that it may take beyond what there is
local MOST_OUTPUT = 65536 -- bytes of it

---@class luvisor.ReplSession
local Session = { __name = "luvisor.repl" }
Session.__index = Session

-- ---- output

--- Puts text out, as far as there is room for it.
---@param text string
function Session:put(text)
  local room = MOST_OUTPUT - self.written
  if room <= 0 or not self.sink then return end
  self.written = self.written + #text
  if #text > room then
    text = ("%s\n... the output ends here: %d bytes are enough\n"):format(text:sub(1, room), MOST_OUTPUT)
  end
  self.sink(text)
end

local function printer(self)
  return function(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    self:put(table.concat(parts, "\t") .. "\n")
  end
end

local function show(self, values)
  if values.n == 0 then return end
  local parts = {}
  for i = 1, values.n do parts[i] = pretty.format(values[i]) end
  self.environment._ = values[1]
  self:put(table.concat(parts, ", ") .. "\n")
end

-- ---- evaluating

-- the way within the code itself, without what runs it
local function explain(message)
  local text = type(message) == "string" and message or pretty.format(message)
  local lines = {}
  for line in debug.traceback("", 2):gmatch "\n(\t[^\n]+)" do
    if line:find "luvisor/edge/repl%.lua" or line:find("in function 'xpcall'", 1, true) then break end
    local is_ours = line:find("[C]: in", 1, true) or line:find("luvisor/edge/repl/commands.lua", 1, true)
    if #lines > 0 or not is_ours then lines[#lines + 1] = line end
  end
  return #lines > 1 and text .. "\n" .. table.concat(lines, "\n") or text
end

-- What has taken it may be in a variable.
local function forget(self)
  for name in pairs(self.environment) do self.environment[name] = self.own[name] end
  self.drained = true
  self:put(("error: took too much memory (%d MB at most) and was ended; the variables of this session are gone\n")
    :format(MEMORY >> 20))
end

local function runner(self, fn)
  return function(worker)
    self.worker = worker
    local results = table.pack(xpcall(fn, explain))
    self.worker = nil
    if results[1] then return show(self, table.pack(table.unpack(results, 2, results.n))) end
    self.failed = true
    if results[2] == NO_MEMORY then return forget(self) end
    self:put("error: " .. tostring(results[2]) .. "\n")
  end
end

local WORDS = {
  timeout = ("took longer than %g s and was ended"):format(LIMIT),
  killed = "cancelled",
}

local function words(why)
  if why.deadline == "stall" then return "held up everybody else and was ended" end
  return WORDS[why.kind] or tostring(why)
end

local function finish(self, why, done)
  self.running = nil
  local ok = exit.is_normal(why) and not self.failed
  if why.kind == "memory" then
    forget(self)
  elseif not exit.is_normal(why) then
    self:put(("error: %s\n"):format(words(why)))
  end
  self.sink = nil
  if not self.drained then return done(ok) end
  self.drained = nil
  litter.clear(self.context.env, function() done(ok) end)
end

--- Evaluates a piece of code: sink(text) gets what it prints and its values, then done(ok) is called, always later.
---@param code string
---@param sink fun(text: string)
---@param done fun(ok: boolean)
---@return boolean|nil ok
---@return string? message
---@return string? code EBUSY, EINVAL
function Session:eval(code, sink, done)
  if self.running then return nil, "still busy with what was asked before", "EBUSY" end
  local fn, message, kind = snippet.compile(code, self.environment)
  if not fn then return nil, message, kind end
  self.sink, self.written, self.failed = sink, 0, false
  self.running = evaluation.run(self.context.env, LIMIT, MEMORY, runner(self, fn), function(why)
    finish(self, why, done)
  end)
  return true
end

--- Ends what is being evaluated.
function Session:cancel()
  if self.running then evaluation.cancel(self.running) end
end

--- Gives the running piece more time: it waits for something slow.
---@param seconds number
function Session:extend(seconds)
  if self.worker then self.worker:extend(seconds) end
end

--- As repl.inside, wherever the worker is.
function Session:at(unit, code, reply)
  if unit.forward then return unit:forward(unit, "eval", code, reply) end
  repl.inside(self.context.env, unit, code, reply)
end

-- ---- completing

local function paths_of(tree)
  local paths = {}
  branch.walk(tree.root, tree.root:path(), function(_, path) paths[#paths + 1] = path end)
  return paths
end

--- Gives done the candidates for the end of a text, and how many bytes of it they replace.
---@param text string
---@param done fun(candidates: string[], replaced: integer)
function Session:complete(text, done)
  done(candidates.of(text, self.environment, paths_of(self.context.tree)))
end

-- ---- sessions

--- A session on a running tree.
---@param context { env: table, tree: table }
---@return luvisor.ReplSession
function repl.session(context)
  local self = setmetatable({ context = context, written = 0 }, Session)
  local print = printer(self)
  local own = repl_commands.make(self, print)
  own.print = print
  own.io = setmetatable({ write = function(...) self:put(table.concat { ... }) end }, { __index = io })
  own.luvisor = require "luvisor"
  for _, late in ipairs { "call", "restart" } do assert(own.luvisor[late]) end -- loaded when named: Tab is to know them
  self.own, self.environment = {}, setmetatable(own, { __index = _G })
  for name, value in pairs(own) do self.own[name] = value end
  return self
end

--- Evaluates a piece in the runtime of one of its workers, where `self` is the worker's: reply(output, ok), or
--- reply(nil, message, CODE).
---@param env table
---@param worker table the unit
---@param code string
---@param reply fun(output: string|nil, ok: any, code?: string)
function repl.inside(env, worker, code, reply)
  if not worker.instance then return reply(nil, worker:path() .. " is not running", "NOT_RUNNING") end
  local session, parts = repl.session { env = env, tree = env.tree, methods = {}, log = env.log }, {}
  session.environment.self = worker.instance
  local function sink(text) parts[#parts + 1] = text end
  local ok, message, kind = session:eval(code, sink, function(good) reply(table.concat(parts), good) end)
  if not ok then reply(nil, message, kind) end
end

return repl
