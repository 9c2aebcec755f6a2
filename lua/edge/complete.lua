-- Complete: `luvisor complete WORD...`: what the last of the words may become, a line each, with what it means after a
-- tab; "@files" for the name of a file. Shells ask it, see completion.lua. It says nothing of what is wrong.

local client = require "luvisor.edge.client"
local completion = require "luvisor.edge.completion"
local script = require "luvisor.edge.script"
local settings = require "luvisor.core.edit.settings"

local complete = {}

local DONE = client.codes.DONE
local PATIENCE = 1 -- seconds for the host
local FILES = "@files"
local SIGNALS = { "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP", "WINCH" }

local function starts(text, prefix)
  return text:sub(1, #prefix) == prefix
end

local function offer(list, prefix, head)
  local lines = {}
  for _, one in ipairs(list) do
    local text = (head or "") .. one[1]
    if starts(text, prefix) then lines[#lines + 1] = one[2] and text .. "\t" .. one[2] or text end
  end
  table.sort(lines)
  if lines[1] then client.print(table.concat(lines, "\n") .. "\n") end
  return DONE
end

local function offer_words(words, prefix, head)
  local list = {}
  for i, word in ipairs(words) do list[i] = { word } end
  return offer(list, prefix, head)
end

local function offer_files()
  client.print(FILES .. "\n")
  return DONE
end

-- ---- units of the host that the words before name

local function add_unit(list, seen, unit)
  local last = unit.path:match "[^/]+$"
  seen[last] = (seen[last] or 0) + 1
  list[#list + 1] = { unit.path, unit.state, last }
  for _, tag in ipairs(unit.tags or {}) do seen["@" .. tag] = true end
end

local function names_of(units)
  local list, seen, names = {}, {}, {}
  for _, unit in ipairs(units) do add_unit(list, seen, unit) end
  for _, one in ipairs(list) do
    names[#names + 1] = one
    if seen[one[3]] == 1 and one[3] ~= one[1] then names[#names + 1] = { one[3], one[2] } end
  end
  for name, value in pairs(seen) do
    if value == true then names[#names + 1] = { name } end
  end
  return names
end

local function offer_units(options, prefix)
  return client.connect(options, function(self)
    client.quit_after(PATIENCE, DONE)
    self:call("status", {}, function(result)
      offer(result and names_of(result.units) or {}, prefix)
      client.quit(DONE)
    end)
  end, function() client.quit(DONE) end)
end

-- ---- what the place of a word asks for

local function offer_value(option, prefix, head)
  if option.choices then return offer_words(option.choices, prefix, head) end
  if option.value == "PATH" then return offer_files() end
  return option.name == "kind" and offer_words(script.kinds, prefix, head) or DONE
end

local function offer_operand(command, place, options, prefix)
  local words = {}
  for word in command.operands:gmatch "%S+" do words[#words + 1] = word end
  local wanted = words[math.min(place, #words)] or ""
  if place > #words and not wanted:find("...", 1, true) then return DONE end
  if wanted:find "UNIT" then return offer_units(options, prefix) end
  if wanted == "KEY" then return offer_words(settings.keys(), prefix) end
  if wanted == "SIG" then return offer_words(SIGNALS, prefix) end
  if wanted == "SHELL" then return offer_words(completion.shells, prefix) end
  return (wanted:find "FILE" or wanted:find "%.lua") and offer_files() or DONE
end

local function offer_options(command, prefix)
  local list = { { "--help", "list the options" } }
  for _, option in ipairs(command.options) do list[#list + 1] = { "--" .. option.name, option.text } end
  return offer(list, prefix)
end

local function find_option(command, word)
  local name, short = word:match "^%-%-([^=]+)", word:match "^%-(%a)$"
  for _, option in ipairs(command.options) do
    if option.name == name or short and option.short == short then return option end
  end
end

-- The options with a value that are given, which operand the last word would be, and the option whose value it is.
local function read(command, words)
  local options, place, open = {}, 1, nil
  for i = 2, #words - 1 do
    local word = words[i]
    local option = not open and find_option(command, word)
    if open then
      options[open.name], open = word, nil
    elseif option and option.value then
      options[option.name] = word:match "=(.*)$"
      open = not word:find "=" and option or nil
    elseif not starts(word, "-") then
      place = place + 1
    end
  end
  return options, place, open
end

local function offer_commands(commands, prefix)
  local list = {}
  for _, command in ipairs(commands) do
    if not command.hidden then list[#list + 1] = { command.name, command.text } end
  end
  return offer(list, prefix)
end

local function find_command(commands, name)
  for _, command in ipairs(commands) do
    if command.name == name then return command end
  end
end

--- Prints what the last word may become.
---@param commands table[] of the command line
---@param words string[] all but the name of the program; the last may be empty
---@return integer|nil code
function complete.call(commands, words)
  local last = words[#words] or ""
  if #words <= 1 then return offer_commands(commands, last) end
  local command = find_command(commands, words[1])
  if not command then return DONE end
  local options, place, open = read(command, words)
  if open then return offer_value(open, last) end
  local head, value = last:match "^(%-%-[^=]+=)(.*)$"
  local option = head and find_option(command, head:sub(1, -2))
  if option then return option.value and offer_value(option, head .. value, head) or DONE end
  if starts(last, "-") then return offer_options(command, last) end
  return offer_operand(command, place, { name = options.name, socket = options.socket }, last)
end

return complete
