-- Console: whoever types, at a terminal or through a pipe, and an evaluator that answers: one of the running host
-- itself, or one at the other end of its control socket.
--
-- At a terminal Enter on something incomplete begins another line; Ctrl-C ends what runs, or empties the line;
-- Ctrl-D on an empty line ends the session. From a pipe it reads plain lines and prints plain answers.

local editor = require "luvisor.core.editor"
local snippet = require "luvisor.core.snippet"
local system = require "host.system"
local terminal = require "luvisor.edge.terminal"
local uv = require "luv"
local width = require "luvisor.core.width"

local console = {}

---@class luvisor.Evaluator
---@field eval fun(self, code: string, sink: fun(text: string), done: fun(ok: boolean)): boolean|nil, string?, string?
---@field complete fun(self, text: string, done: fun(candidates: string[], replaced: integer))
---@field cancel fun(self)

local MOST_AHEAD = 4096 -- keys that wait for an evaluation to end

-- ---- history

local function history_path()
  local given = os.getenv "LUVISOR_REPL_HISTORY"
  if given then return given ~= "" and given or nil end
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state and state:sub(1, 1) == "/" then return state .. "/luvisor_history" end
  return home and home .. "/.luvisor_history"
end

local ESCAPED = { ["\n"] = "\\n", ["\\"] = "\\\\" }
local PLAIN = { ["\\n"] = "\n", ["\\\\"] = "\\" }

local function read_history(path)
  local list = {}
  local file = path and io.open(path)
  if not file then return list end
  for line in file:lines() do list[#list + 1] = line:gsub("\\[n\\]", PLAIN) end
  file:close()
  return list
end

local PRIVATE = 384 -- 0600: what was typed may hold secrets

local function append_history(self, text)
  local before = self.editor.history[#self.editor.history]
  self.editor:remember(text)
  if not self.history_path or self.editor.history[#self.editor.history] == before then return end
  local fd = uv.fs_open(self.history_path, "a", PRIVATE)
  if not fd then return end
  uv.fs_write(fd, text:gsub("[\n\\]", ESCAPED) .. "\n", -1)
  uv.fs_close(fd)
end

-- ---- at a terminal

local function redraw(self)
  if not self.busy then self.terminal:show(self.editor:view((self.terminal:size()))) end
end

local function finish(self, code)
  if self.over then return end
  self.over = true
  self.terminal:close()
  self.on_end(code)
end

local press

-- What was typed, or pasted, meanwhile, as far as it goes.
local function go_on(self)
  self.busy = false
  redraw(self)
  while self.ahead[1] and not self.busy and not self.over do press(self, table.remove(self.ahead, 1)) end
end

local function answer(self, code)
  self.busy = true
  local ok, message = self.evaluator:eval(code, function(text) self.terminal:write(text) end, function()
    go_on(self)
  end)
  if ok then return end
  self.terminal:write("error: " .. tostring(message) .. "\n")
  go_on(self)
end

local events = {}

function events.enter(self)
  local text = self.editor:text()
  if text:find "%S" and snippet.is_incomplete(text) then
    self.editor:insert "\n"
    return redraw(self)
  end
  redraw(self)
  self.terminal:keep()
  self.editor:take()
  if not text:find "%S" then return redraw(self) end
  append_history(self, text)
  answer(self, text)
end

function events.interrupt(self)
  self.terminal:write "^C"
  self.terminal:keep()
  if self.editor:take() == "" then self.terminal:write "Ctrl-D ends this\n" end
  redraw(self)
end

function events.eof(self)
  self.terminal:keep()
  finish(self, 0)
end

function events.clear(self)
  self.terminal:write "\27[H\27[2J"
  redraw(self)
end

local function in_columns(list, columns)
  local widest = 0
  for _, word in ipairs(list) do widest = math.max(widest, width.of(word) + 2) end
  local each, lines = math.max(1, columns // widest), {}
  for i, word in ipairs(list) do
    local at = (i - 1) // each + 1
    lines[at] = (lines[at] or "") .. width.pad(word, widest)
  end
  return table.concat(lines, "\n") .. "\n"
end

function events.complete(self)
  local left = self.editor.left
  self.evaluator:complete(left, function(candidates, replaced)
    if self.over or self.busy or self.editor.left ~= left then return end
    local shown = self.editor:complete(candidates, replaced)
    if #shown > 0 then self.terminal:print(in_columns(shown, (self.terminal:size()))) end
    redraw(self)
  end)
end

function press(self, key)
  if self.busy then
    if key.name ~= "ctrl-c" then
      if #self.ahead < MOST_AHEAD then table.insert(self.ahead, key) end
      return
    end
    self.ahead = {}
    return self.evaluator:cancel()
  end
  local event = self.editor:press(key)
  if event then return events[event](self) end
  redraw(self)
end

--- Talks to whoever sits at the terminal, until they have had enough.
---@param given { evaluator: luvisor.Evaluator, prompt: string, on_end: fun(code: integer) }
---@return table|nil console with print(self, text) for lines above the prompt, and close(self)
---@return string? message
---@return string? code
function console.interactive(given)
  local path = history_path()
  local self = {
    evaluator = given.evaluator, on_end = given.on_end, history_path = path,
    editor = editor.new { prompt = given.prompt, history = read_history(path) }, ahead = {},
  }
  local message, code
  self.terminal, message, code = terminal.open {
    on_key = function(key) press(self, key) end,
    on_end = function() finish(self, 0) end,
    on_resize = function() redraw(self) end,
  }
  if not self.terminal then return nil, message, code end
  redraw(self)
  return {
    print = function(_, text) self.terminal:print(text) end,
    close = function() finish(self, 0) end,
  }
end

-- ---- through a pipe

-- One piece after the other, each as soon as it is complete.
local function next_piece(self)
  while not self.busy do
    local line, rest = self.text:match "^([^\n]*)\n(.*)$"
    if not line and self.ended then line, rest = self.text ~= "" and self.text or nil, "" end
    if not line then break end
    self.text = rest
    self.piece = self.piece and self.piece .. "\n" .. line or line
    local waits = snippet.is_incomplete(self.piece) and not (self.ended and rest == "")
    if not self.piece:find "%S" then self.piece = nil
    elseif not waits then self:answer() end
  end
  if self.ended and not self.busy and self.text == "" then self.on_end(self.failed and 1 or 0) end
end

local Piped = {}
Piped.__index = Piped

function Piped:answer()
  local code = self.piece
  self.piece, self.busy = nil, true
  local ok, message = self.evaluator:eval(code, function(text) system.put(1, text) end, function(good)
    self.busy, self.failed = false, self.failed or not good
    next_piece(self)
  end)
  if ok then return end
  self.busy, self.failed = false, true
  system.put(2, "error: " .. tostring(message) .. "\n")
end

local function open_input()
  local kind = uv.guess_handle(0)
  if kind == "file" then return nil end
  local pipe = kind == "tty" and uv.new_tty(0, true) or uv.new_pipe(false)
  if kind ~= "tty" and not pipe:open(0) then return nil end
  return pipe
end

--- Evaluates what comes from stdin, line by line.
---@param given { evaluator: luvisor.Evaluator, on_end: fun(code: integer) }
function console.piped(given)
  local self = setmetatable({ evaluator = given.evaluator, on_end = given.on_end, text = "" }, Piped)
  local input = open_input()
  if not input then
    self.text, self.ended = io.read "a" or "", true
    return next_piece(self)
  end
  input:read_start(function(err, bytes)
    if err or not bytes then
      input:close()
      self.ended = true
    else
      self.text = self.text .. bytes
    end
    next_piece(self)
  end)
end

--- Evaluates one piece, given on the command line.
---@param given { evaluator: luvisor.Evaluator, on_end: fun(code: integer) }
---@param code string
function console.once(given, code)
  local self = setmetatable({ evaluator = given.evaluator, on_end = given.on_end, text = code, ended = true }, Piped)
  next_piece(self)
end

return console
