-- SPDX-License-Identifier: Apache-2.0
-- A terminal of 80x24 in which the binary runs, through tmux: keys go in, the screen is read back. tmux is told its
-- own socket, so nobody else's sessions are touched.

local host = require "host"
local uv = require "luv"

local terminal = {}

local Terminal = {}
Terminal.__index = Terminal

local count = 0

local function quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function tmux(self, ...)
  local words = { "tmux", "-f", "/dev/null", "-L", self.socket, ... }
  for i, word in ipairs(words) do words[i] = quote(word) end
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>/dev/null"))
  local text = pipe:read "a"
  pipe:close()
  return text
end

--- Starts `luvisor ARGS...` in a terminal of its own.
---@param args string[]
---@param env? table<string, string>
---@param size? { columns: integer, rows: integer, record?: string } record: a file for all that is written
function terminal.open(args, env, size)
  count = count + 1
  local self = setmetatable({ socket = ("luvisor-test-%d-%d"):format(uv.os_getpid(), count) }, Terminal)
  local words = { "env" }
  for name in pairs(uv.os_environ()) do -- what is for the tests would be taken for settings of the host
    if name:find "^LUVISOR_" then table.move({ "-u", name }, 1, 2, #words + 1, words) end
  end
  words[#words + 1] = "TERM=screen-256color"
  for name, value in pairs(env or {}) do words[#words + 1] = name .. "=" .. value end
  words[#words + 1] = host.binary
  table.move(args, 1, #args, #words + 1, words)
  for i, word in ipairs(words) do words[i] = quote(word) end
  local line = table.concat(words, " ") .. "; echo EXIT $?"
  size = size or { columns = 80, rows = 24 }
  if size.record then line = ("script -qfc %s %s"):format(quote(line), quote(size.record)) end
  tmux(self, "new-session", "-d", "-x", tostring(size.columns), "-y", tostring(size.rows), line .. "; read forever")
  return self
end

--- What the screen shows.
---@return string
function Terminal:screen()
  return tmux(self, "capture-pane", "-p")
end

--- Types keys, named as tmux names them: "Enter", "C-c", "Tab"; anything else is text.
function Terminal:type(...)
  tmux(self, "send-keys", ...)
end

--- Types text as it is.
function Terminal:text(text)
  tmux(self, "send-keys", "-l", text)
end

--- Waits until the screen matches; the screen, or false.
function Terminal:shows(pattern, seconds)
  local screen
  return host.wait_until(function()
    screen = self:screen()
    return screen:find(pattern) and screen
  end, seconds or 10), screen
end

--- Makes the terminal another size.
function Terminal:resize(columns, rows)
  tmux(self, "resize-window", "-x", tostring(columns), "-y", tostring(rows))
end

function Terminal:close()
  tmux(self, "kill-server")
end

return terminal
