-- Keys: what a terminal sends, as names of keys. Bytes that may be the beginning of something longer wait for the rest.

local keys = {}

local CONTROL = { [8] = "backspace", [9] = "tab", [10] = "enter", [13] = "enter", [27] = "escape", [127] = "backspace" }

-- CSI and SS3 sequences: what follows ESC [ or ESC O
local SEQUENCES = {
  A = "up", B = "down", C = "right", D = "left", H = "home", F = "end", Z = "shift-tab",
  ["1~"] = "home", ["7~"] = "home", ["4~"] = "end", ["8~"] = "end", ["3~"] = "delete", ["2~"] = "insert",
  ["5~"] = "page-up", ["6~"] = "page-down", ["1;5C"] = "word-right", ["1;5D"] = "word-left",
  ["1;3C"] = "word-right", ["1;3D"] = "word-left", ["3;5~"] = "delete-word",
}
local ALT = { b = "word-left", f = "word-right", d = "delete-word", ["\127"] = "erase-word", ["\8"] = "erase-word" }

local PASTE_END = "\27[201~"

local function paste(bytes)
  local stop = bytes:find(PASTE_END, 1, true)
  if not stop then return nil end
  local text = bytes:sub(7, stop - 1):gsub("\r\n?", "\n")
  return { name = "text", text = text, pasted = true }, stop + #PASTE_END
end

local function escape(bytes)
  local second = bytes:sub(2, 2)
  if second == "" then return nil end
  if second ~= "[" and second ~= "O" then return { name = ALT[second] or "unknown" }, 3 end
  local sequence, stop = bytes:match("^([%d;?]*[@-~])()", 3)
  if not sequence then return nil end
  if sequence == "200~" then return paste(bytes) end
  return { name = SEQUENCES[sequence] or "unknown" }, stop
end

local function utf8_length(byte)
  return byte >= 0xF0 and byte < 0xF8 and 4 or byte >= 0xE0 and byte < 0xF0 and 3 or byte >= 0xC2 and byte < 0xE0 and 2
    or 1
end

local function character(bytes)
  local length = utf8_length(bytes:byte())
  if #bytes < length then return nil end
  local text = bytes:sub(1, length)
  if utf8.len(text) ~= 1 then return { name = "unknown" }, 2 end
  return { name = "text", text = text }, length + 1
end

local function decode(bytes)
  local byte = bytes:byte()
  if byte == 27 then return escape(bytes) end
  if CONTROL[byte] then return { name = CONTROL[byte] }, 2 end
  if byte < 32 then return { name = "ctrl-" .. string.char(byte + 96) }, 2 end
  return character(bytes)
end

---@class luvisor.Keys
local Keys = { __name = "luvisor.keys" }
Keys.__index = Keys

--- A decoder for one terminal.
---@return luvisor.Keys
function keys.new()
  return setmetatable({ pending = "" }, Keys)
end

--- The keys that these bytes complete: { name = "text", text = "a" }, { name = "up" }, { name = "ctrl-c" }, ...
---@param bytes string
---@return table[]
function Keys:feed(bytes)
  local found = {}
  bytes = self.pending .. bytes
  while bytes ~= "" do
    local key, stop = decode(bytes)
    if not key then break end
    found[#found + 1] = key
    bytes = bytes:sub(stop)
  end
  self.pending = bytes
  return found
end

--- Nothing followed a lone escape: it was the key itself.
---@return table[]
function Keys:flush()
  if self.pending ~= "\27" then return {} end
  self.pending = ""
  return { { name = "escape" } }
end

return keys
