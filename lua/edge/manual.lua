-- Manual: `luvisor man`: the manual page, luvisor(1), made of what the command line knows of itself.

local system = require "host.system"

local manual = {}

-- Text as roff takes it: "-" is a minus, and no line begins with a control character.
local function roff(text)
  return (text:gsub("\\", "\\e"):gsub("-", "\\-"):gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local function section(lines, title)
  lines[#lines + 1] = ".SH " .. title
end

local function item(lines, head, text)
  lines[#lines + 1] = ".TP\n" .. head
  lines[#lines + 1] = roff(text)
end

-- "-n, --lines N"
local function option_head(option)
  local short = option.short and ("\\fB\\-%s\\fR, "):format(option.short) or ""
  local value = option.value and (" \\fI%s\\fR"):format(roff(option.value)) or ""
  return ("%s\\fB\\-\\-%s\\fR%s"):format(short, roff(option.name), value)
end

local function add_command(lines, command)
  local shape = #command.options > 0 and " [OPTION...]" or ""
  local operands = command.operands ~= "" and " " .. command.operands or ""
  lines[#lines + 1] = (".SS luvisor %s%s"):format(roff(command.name), roff(shape .. operands))
  lines[#lines + 1] = roff(command.text) .. "."
  for _, option in ipairs(command.options) do item(lines, option_head(option), option.text) end
end

local DESCRIPTION = [[
luvisor runs a tree of supervisors, workers written in Lua, and programs of the operating system, which a Lua script
describes; it watches them and starts them again by the policies that they are given. A running host listens on a
control socket: the commands that talk to it find it by --socket, else by --name, else by LUVISOR_SOCKET, else at the
default place.

A UNIT is a path such as etl/poller, or its last part where that is unambiguous, or a glob (web:*), or a tag (@front).]]

local EXIT = {
  run = {
    { "0", "the tree ended well, or was stopped" }, { "1", "it failed" }, { "2", "usage, or a bad script" },
    { "3", "another host has this name" },
  },
  client = {
    { "0", "done" }, { "1", "failed" }, { "2", "usage" }, { "3", "a named unit is not running (status)" },
    { "4", "no host is there" }, { "5", "the time was over" },
  },
}

local SIGNALS = {
  { "TERM, INT", "the host stops its tree, and kills it when a second one comes" }, { "HUP", "it reloads its script" },
  { "USR1", "it opens its log files again" }, { "QUIT", "it writes the tree to its log" },
}

local ENVIRONMENT = {
  { "LUVISOR_SOCKET", "the control socket, where neither --socket nor --name is given" },
  { "LUVISOR_HISTORY", "the file of the history, or off" },
  { "LUVISOR_<SETTING>", "a setting of the tree, such as LUVISOR_SHUTDOWN=5; the script has the last word" },
  { "LUVISOR_LUA", "a directory that the library is loaded from, in place of the binary" },
  { "XDG_RUNTIME_DIR, XDG_STATE_HOME", "where the sockets, and the logs of hosts in the background, are" },
  { "NO_COLOR", "no colours on a terminal" },
}

local FILES = {
  { "$XDG_RUNTIME_DIR/luvisor/NAME.sock", "the control socket, with NAME.lock and NAME.pid; ~/.luvisor without it" },
  { "/run/luvisor/NAME.sock", "root's" },
  { "~/.local/state/luvisor/NAME.log", "log of a host in the background, with NAME.history; root's: /var/log/luvisor" },
}

local function add_list(lines, list)
  for _, one in ipairs(list) do item(lines, ".B " .. roff(one[1]), one[2]) end
end

--- The page, as roff.
---@param commands table[] of the command line
---@return string
function manual.page(commands)
  local lines = { ('.TH LUVISOR 1 "" "luvisor %s" "User Commands"'):format(roff(system.version)) }
  section(lines, "NAME")
  lines[#lines + 1] = "luvisor \\- supervisor for Lua workers and OS programs"
  section(lines, "SYNOPSIS")
  lines[#lines + 1] = ".B luvisor\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]"
  section(lines, "DESCRIPTION")
  lines[#lines + 1] = (roff(DESCRIPTION):gsub("\n\n", "\n.PP\n"))
  section(lines, "COMMANDS")
  for _, command in ipairs(commands) do
    if not command.hidden then add_command(lines, command) end
  end
  section(lines, "EXIT STATUS")
  lines[#lines + 1] = "Of run:"
  add_list(lines, EXIT.run)
  lines[#lines + 1] = ".PP\nOf commands that talk to a host:"
  add_list(lines, EXIT.client)
  section(lines, "SIGNALS")
  add_list(lines, SIGNALS)
  section(lines, "ENVIRONMENT")
  add_list(lines, ENVIRONMENT)
  section(lines, "FILES")
  add_list(lines, FILES)
  return table.concat(lines, "\n") .. "\n"
end

return manual
