-- Terminal: the screen and the keyboard of whoever sits there: keys come one by one, one text with a cursor is shown
-- at the bottom, and whatever else is said appears above it. Owns stdin and stdout while it is open.

local keys = require "luvisor.core.keys"
local uv = require "luv"

local terminal = {}

local RAW, ESCAPE_MS = 1, 50
local PASTE_ON, PASTE_OFF, ERASE_BELOW = "\27[?2004h", "\27[?2004l", "\27[J"

---@class luvisor.Terminal
local Terminal = { __name = "luvisor.terminal" }
Terminal.__index = Terminal

--- Whether somebody sits at stdin and stdout.
function terminal.is_there()
  return uv.guess_handle(0) == "tty" and uv.guess_handle(1) == "tty"
end

local function feed(self, found)
  for _, key in ipairs(found) do
    if self.open then self.on_key(key) end
  end
end

local function read(self)
  self.input:read_start(function(err, bytes)
    if err or not bytes then return self.on_end() end
    self.escape:stop()
    feed(self, self.keys:feed(bytes))
    if self.open then self.escape:start(ESCAPE_MS, 0, function() feed(self, self.keys:flush()) end) end
  end)
end

--- Takes the terminal; nil and a message where there is none.
---@param given { on_key: fun(key: table), on_end: fun(), on_resize?: fun() }
---@return luvisor.Terminal|nil
---@return string? message
---@return string? code
function terminal.open(given)
  local input, message, code = uv.new_tty(0, true)
  if not input then return nil, message, code end
  local self = setmetatable({
    input = input, output = assert(uv.new_tty(1, false)), keys = keys.new(), escape = uv.new_timer(),
    resized = uv.new_signal(), on_key = given.on_key, on_end = given.on_end, open = true, row = 0, rows = 0,
  }, Terminal)
  input:set_mode(RAW)
  self:write(PASTE_ON)
  self.resized:start("sigwinch", given.on_resize or function() end)
  read(self)
  return self
end

--- Columns and rows of the screen.
---@return integer columns
---@return integer rows
function Terminal:size()
  local columns, rows = self.output:get_winsize()
  if not columns or columns == 0 then return 80, 24 end
  return columns, rows
end

--- Writes as it is.
---@param text string
function Terminal:write(text)
  self.output:write(text)
end

local function to_start(self)
  local up = self.row > 0 and ("\27[%dA"):format(self.row) or ""
  self.row, self.rows = 0, 0
  return "\r" .. up .. ERASE_BELOW
end

--- Shows a view (see luvisor.core.editor) in place of the one before.
---@param view { text: string, rows: integer, row: integer, column: integer }
function Terminal:show(view)
  local up = view.rows > view.row and ("\27[%dA"):format(view.rows - view.row) or ""
  local right = view.column > 0 and ("\27[%dC"):format(view.column) or ""
  self:write(to_start(self) .. view.text .. up .. "\r" .. right)
  self.row, self.rows, self.view = view.row, view.rows, view
end

--- Leaves what is shown where it is, and goes on below it.
function Terminal:keep()
  if not self.view then return end
  self:write(("\27[%dB"):format(self.rows - self.row):gsub("^\27%[0B$", "") .. "\r\n")
  self.row, self.rows, self.view = 0, 0, nil
end

--- Puts lines above what is shown.
---@param text string whole lines
function Terminal:print(text)
  local view = self.view
  if not view then return self:write(text) end
  self:write(to_start(self) .. text .. (text:sub(-1) == "\n" and "" or "\n"))
  self:show(view)
end

--- Gives the terminal back as it was.
function Terminal:close()
  if not self.open then return end
  self.open = false
  self:write(PASTE_OFF)
  self.escape:close()
  self.resized:close()
  self.input:read_stop()
  self.input:set_mode(0)
  uv.tty_reset_mode()
  self.input:close()
  self.output:shutdown(function() self.output:close() end)
end

return terminal
