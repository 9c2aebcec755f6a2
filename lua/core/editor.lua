-- Editor: one text being edited at a prompt, with history: keys in, events out, and a picture of what to show. It
-- knows no terminal. The text may have several lines; whether Enter ends it is for whoever reads the events.

local width = require "luvisor.core.width"

local editor = {}

local LONGEST_HISTORY = 1000

---@class luvisor.Editor
---@field prompt string
---@field left string   the text before the cursor
---@field right string  and behind it
local Editor = { __name = "luvisor.editor" }
Editor.__index = Editor

--- An editor with an empty text.
---@param given { prompt: string, history?: string[] } the history, oldest first, is added to
---@return luvisor.Editor
function editor.new(given)
  return setmetatable({
    prompt = given.prompt, history = given.history or {}, left = "", right = "", at = nil, draft = "", killed = "",
  }, Editor)
end

--- The whole text.
---@return string
function Editor:text()
  return self.left .. self.right
end

--- Replaces the text; the cursor is at its end.
---@param text string
function Editor:set(text)
  self.left, self.right = text, ""
end

--- Puts text in at the cursor.
---@param text string
function Editor:insert(text)
  self.left = self.left .. text
end

-- ---- moving and erasing

local LAST = "[%z\1-\127\194-\244][\128-\191]*$"
local FIRST = "^[%z\1-\127\194-\244][\128-\191]*"

local actions = {}

function actions.left(self)
  local char = self.left:match(LAST)
  if not char then return end
  self.left, self.right = self.left:sub(1, -#char - 1), char .. self.right
end

function actions.right(self)
  local char = self.right:match(FIRST)
  if not char then return end
  self.left, self.right = self.left .. char, self.right:sub(#char + 1)
end

function actions.home(self)
  local line = self.left:match "[^\n]*$"
  self.left, self.right = self.left:sub(1, -#line - 1), line .. self.right
end

actions["end"] = function(self)
  local line = self.right:match "^[^\n]*"
  self.left, self.right = self.left .. line, self.right:sub(#line + 1)
end

actions["word-left"] = function(self)
  local word = self.left:match "[%w_\128-\255]*[^%w_\128-\255]*$"
  self.left, self.right = self.left:sub(1, -#word - 1), word .. self.right
end

actions["word-right"] = function(self)
  local word = self.right:match "^[^%w_\128-\255]*[%w_\128-\255]*"
  self.left, self.right = self.left .. word, self.right:sub(#word + 1)
end

function actions.backspace(self)
  local char = self.left:match(LAST)
  if char then self.left = self.left:sub(1, -#char - 1) end
end

function actions.delete(self)
  local char = self.right:match(FIRST)
  if char then self.right = self.right:sub(#char + 1) end
end

local function cut_left(self, pattern)
  self.killed = self.left:match(pattern)
  self.left = self.left:sub(1, -#self.killed - 1)
end

local function cut_right(self, pattern)
  self.killed = self.right:match(pattern)
  self.right = self.right:sub(#self.killed + 1)
end

actions["ctrl-u"] = function(self) cut_left(self, "[^\n]*$") end
actions["ctrl-k"] = function(self) cut_right(self, "^[^\n]*") end
actions["ctrl-w"] = function(self) cut_left(self, "%S*%s*$") end
actions["erase-word"] = function(self) cut_left(self, "[%w_\128-\255]*[^%w_\128-\255]*$") end
actions["delete-word"] = function(self) cut_right(self, "^[^%w_\128-\255]*[%w_\128-\255]*") end
actions["ctrl-y"] = function(self) self:insert(self.killed) end

actions["ctrl-t"] = function(self)
  local last = self.left:match(LAST)
  if not last then return end
  local before = self.left:sub(1, -#last - 1):match(LAST)
  if not before then return end
  self.left = self.left:sub(1, -#last - #before - 1) .. last .. before
end

actions["ctrl-a"], actions["ctrl-e"] = actions.home, actions["end"]
actions["ctrl-b"], actions["ctrl-f"] = actions.left, actions.right

-- ---- history

local function recall(self, index)
  if index < 1 or index > #self.history + 1 then return end
  if not self.at then self.draft = self:text() end
  self.at = index <= #self.history and index or nil
  self:set(self.at and self.history[index] or self.draft)
end

function actions.up(self) recall(self, (self.at or #self.history + 1) - 1) end
function actions.down(self) recall(self, (self.at or #self.history + 1) + 1) end
actions["ctrl-p"], actions["ctrl-n"] = actions.up, actions.down

--- Remembers a text, unless it is empty or the same as the one before.
---@param text string
function Editor:remember(text)
  local history = self.history
  if not text:find "%S" or history[#history] == text then return end
  history[#history + 1] = text
  if #history > LONGEST_HISTORY then table.remove(history, 1) end
end

-- ---- searching

local function look_back(self, from)
  for index = from, 1, -1 do
    if self.search.what ~= "" and self.history[index]:find(self.search.what, 1, true) then
      self.search.index = index
      return self:set(self.history[index])
    end
  end
end

actions["ctrl-r"] = function(self)
  self.search = { what = "", index = #self.history + 1, draft = self:text() }
end

-- false when the key ends the search and still has a meaning of its own
local function search_key(self, key)
  local search = self.search
  if key.name == "text" then
    search.what = search.what .. key.text
    look_back(self, math.min(search.index, #self.history))
  elseif key.name == "ctrl-r" then
    look_back(self, search.index - 1)
  elseif key.name == "backspace" then
    search.what = search.what:gsub(LAST, "")
    look_back(self, #self.history)
  else
    self.search = nil
    if key.name == "ctrl-c" or key.name == "ctrl-g" or key.name == "escape" then
      self:set(search.draft)
      return true
    end
    return false
  end
  return true
end

-- ---- completion

local function common_prefix(list)
  local prefix = list[1]
  for _, word in ipairs(list) do
    while word:sub(1, #prefix) ~= prefix do prefix = prefix:sub(1, -2) end
  end
  while prefix ~= "" and not utf8.len(prefix) do prefix = prefix:sub(1, -2) end
  return prefix
end

--- Takes candidates for the last `replaced` bytes before the cursor: puts in what they have in common; returns those
--- worth showing.
---@param candidates string[]
---@param replaced integer
---@return string[]
function Editor:complete(candidates, replaced)
  if #candidates == 0 then return {} end
  local prefix = common_prefix(candidates)
  local typed = self.left:sub(#self.left - replaced + 1)
  if #prefix > replaced or #candidates == 1 then
    self.left = self.left:sub(1, #self.left - replaced) .. prefix
    if prefix ~= typed then return {} end
  end
  return #candidates > 1 and candidates or {}
end

-- ---- keys

local EVENTS = { enter = "enter", tab = "complete", ["ctrl-c"] = "interrupt", ["ctrl-l"] = "clear" }

--- Takes a key; what it means for others: "enter", "complete", "interrupt", "eof", "clear", or nothing.
---@param key table of luvisor.Keys
---@return string|nil event
function Editor:press(key)
  if self.search and search_key(self, key) then return nil end
  if key.name == "text" then return self:insert(key.text) end
  if key.name == "tab" and not self.left:find "%S[^\n]*$" then return self:insert "  " end
  if key.name == "ctrl-d" then
    if self:text() == "" then return "eof" end
    return actions.delete(self)
  end
  if actions[key.name] then return actions[key.name](self) end
  return EVENTS[key.name]
end

--- The text is done with: empty again, and the history is at its end.
---@return string text
function Editor:take()
  local text = self:text()
  self.left, self.right, self.at, self.draft, self.search = "", "", nil, "", nil
  return text
end

-- ---- the picture

-- where a text that begins at column 0 ends
local function walk(text, columns)
  local row, column = 0, 0
  for _, code in utf8.codes(text) do
    local wide = width.of_code(code)
    if code == 10 then
      row, column = row + 1, 0
    elseif column + wide > columns then
      row, column = row + 1, wide
    else
      column = column + wide
    end
  end
  return row, column
end

local function shown(text)
  if not utf8.len(text) then text = text:gsub("[\128-\255]", "?") end
  return (text:gsub("[%z\1-\9\11-\31\127]", " "))
end

-- The mark that a further line has in place of the prompt.
local function continuation(self)
  return "\n" .. (" "):rep(width.of(self.prompt) - 2) .. "> "
end

--- What to show on a terminal of so many columns: the text with its prompt, how many rows it takes beyond the first,
--- and row and column of the cursor, from 0.
---@param columns integer
---@return { text: string, rows: integer, row: integer, column: integer }
function Editor:view(columns)
  local prompt = self.search and ("(search) `%s': "):format(self.search.what) or self.prompt
  local further = continuation(self)
  local before, after = shown(prompt .. (self.left:gsub("\n", further))), shown((self.right:gsub("\n", further)))
  local row, column = walk(before, columns)
  local rows, last = walk(before .. after, columns)
  local text = before .. after
  if last == columns then -- the terminal would hang at the edge
    text, rows = text .. "\n", rows + 1
  end
  if column == columns then row, column = row + 1, 0 end
  return { text = text, rows = rows, row = row, column = column }
end

return editor
