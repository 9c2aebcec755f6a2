-- Cli: the command line. Finds the command, reads its options, and says what is wrong with them: exit code 2, and
-- the nearest word it knows.

local lazy = require "luvisor.core.lazy"
local check = lazy "luvisor.edge.check"
local completion = lazy "luvisor.edge.completion"
local log = require "luvisor.edge.log"
local run = lazy "luvisor.edge.run"
local suggest = lazy "luvisor.core.suggest"
local system = require "host.system"

local cli = {}

local FAILED, USAGE = 1, 2

local RUN_OPTIONS = {
  { name = "daemon", text = "run in the background; returns when the tree is up, or has failed" },
  { name = "name", value = "NAME", text = "the name of this host: there is one of each (default)" },
  { name = "socket", value = "PATH", text = "its control socket; lock and pid file lie beside it" },
  { name = "watch", text = "reload whenever the script or one of its modules has changed" },
  { name = "repl", text = "inspect the tree from this terminal while it runs" },
  { name = "no-repl", text = "let nobody evaluate Lua in this host" },
  { name = "history", value = "PATH", text = "keep what happens to the units in this file; off for none" },
  { name = "log-level", value = "LEVEL", choices = log.levels, text = "debug, info (default), warn, error or none" },
  { name = "log-format", value = "FORMAT", choices = log.formats, text = "text (default) or json" },
  { name = "log-file", value = "PATH", text = "the log goes into this file, rotated, and not to stderr" },
  { name = "log-size", value = "SIZE", parse = log.size, text = "rotated before it is larger: 50MB; 0 for never" },
  { name = "log-keep", value = "N", parse = log.keep, text = "so many rotated ones are kept: 10" },
}

-- `rest`: everything after the operands belongs to the script. A command returns its exit code, or nil while it runs.
local commands = {
  {
    name = "run", operands = "TREE.lua", least = 1, most = 1, options = RUN_OPTIONS,
    text = "run a tree until it ends or is stopped; in the foreground unless --daemon",
    call = function(operands, options, arguments) return run.tree(operands[1], options, arguments) end,
  },
  {
    name = "check", operands = "TREE.lua", least = 1, most = 1, options = {},
    text = "load and validate a script, print its tree; starts nothing",
    call = function(operands) return check.tree(operands[1]) end,
  },
  {
    name = "lua", operands = "FILE [ARG...]", least = 1, rest = true, options = {},
    text = "run any Lua file with luvisor's modules",
    call = function(operands) return run.file(operands) end,
  },
  {
    name = "version", operands = "", least = 0, most = 0, options = {},
    text = "print the version",
    call = function() return cli.version() end,
  },
  {
    name = "completion", operands = "SHELL", least = 1, most = 1, options = {},
    text = "print what completes its words in bash, zsh or fish",
    call = function(operands) return cli.completion(operands[1]) end,
  },
  {
    name = "man", operands = "", least = 0, most = 0, options = {},
    text = "print the manual page: luvisor man | man -l -",
    call = function() return cli.manual() end,
  },
}

-- And those that talk to a running host.
local function all_commands()
  local clients = require "luvisor.edge.clients"
  return table.move(clients, 1, #clients, #commands + 1, table.move(commands, 1, #commands, 1, {}))
end

local function out(text) system.put(1, text .. "\n") end
local function err(text) system.put(2, "luvisor: " .. text .. "\n") end

function cli.version()
  out("luvisor " .. system.version)
  return 0
end

function cli.completion(shell)
  local text = completion.text(shell)
  if text then
    system.put(1, text)
    return 0
  end
  err(('unknown shell "%s": %s'):format(shell, table.concat(completion.shells, ", ")))
  return USAGE
end

function cli.manual()
  system.put(1, require("luvisor.edge.manual").page(all_commands()))
  return 0
end

-- ---- help

local function help()
  local lines = { "usage: luvisor COMMAND [OPTION...] [ARGUMENT...]", "", "commands:" }
  for _, command in ipairs(all_commands()) do
    lines[#lines + 1] = ("  %-22s %s"):format(command.name .. " " .. command.operands, command.text)
  end
  lines[#lines + 1] = "\n`luvisor COMMAND --help` lists the options of a command."
  out(table.concat(lines, "\n"))
  return 0
end

local function help_command(command)
  local shape = #command.options > 0 and " [OPTION...]" or ""
  local operands = command.operands ~= "" and " " .. command.operands or ""
  local lines = { ("usage: luvisor %s%s%s"):format(command.name, shape, operands), "", command.text }
  if #command.options > 0 then lines[#lines + 1] = "\noptions:" end
  for _, option in ipairs(command.options) do
    local shown = ("%s--%s"):format(option.short and "-" .. option.short .. ", " or "", option.name)
    if option.value then shown = shown .. " " .. option.value end
    lines[#lines + 1] = ("  %-22s %s"):format(shown, option.text)
  end
  out(table.concat(lines, "\n"))
  return 0
end

-- ---- options

local function find_option(command, name)
  local names = { "--help" }
  for _, option in ipairs(command.options) do
    if option.name == name then return option end
    names[#names + 1] = "--" .. option.name
  end
  return nil, ("unknown option --%s%s"):format(name, suggest.hint("--" .. name, names))
end

local function check_choice(option, value)
  if option.parse then
    local result, message = option.parse(value)
    if result == nil then message = ("--%s: %s"):format(option.name, message) end
    return result, message
  end
  if not option.choices then return value end
  for _, choice in ipairs(option.choices) do
    if choice == value then return value end
  end
  return nil, ("--%s: %s"):format(option.name, suggest.unknown(value, option.choices))
end

-- "-n 5" or "-n5" -> the name of the option and its value, if it is there already
local function split_short(command, word)
  for _, option in ipairs(command.options) do
    if option.short == word:sub(2, 2) and (option.value or #word == 2) then
      return option.name, #word > 2 and word:sub(3) or nil
    end
  end
end

local function split_option(command, word)
  local name, value = word:match("^%-%-([^=]+)=(.*)$")
  if name then return name, value end
  name = word:match("^%-%-(.+)$")
  if name then return name end
  return split_short(command, word)
end

-- "--name value", "--name=value" or "-n value" at position i -> name, value, next position
local function read_option(command, arguments, i)
  local name, value = split_option(command, arguments[i])
  if not name then return nil, "unknown option " .. arguments[i] end
  local option, message = find_option(command, name)
  if not option then return nil, message end
  if not option.value then
    if value then return nil, ("--%s takes no value"):format(name) end
    return name, true, i + 1
  end
  if not value then
    i = i + 1
    value = arguments[i]
  end
  if not value then
    local choices = option.choices and table.concat(option.choices, ", ") or option.value
    return nil, ("--%s needs a value: %s"):format(name, choices)
  end
  value, message = check_choice(option, value)
  if not value then return nil, message end
  return name, value, i + 1
end

local function parse(command, arguments, i)
  local options, operands = {}, {}
  while arguments[i] do
    local word = arguments[i]
    if command.rest and #operands > 0 or word:find "^[^-]" or word:find "^%-%.?%d" or #word < 2 then -- or a number
      operands[#operands + 1] = word
      i = i + 1
    elseif word == "--help" or word == "-h" then
      return "help"
    elseif word == "--" then
      table.move(arguments, i + 1, #arguments, #operands + 1, operands)
      break
    else
      local name, value, following = read_option(command, arguments, i)
      if not name then return nil, value end
      options[name], i = value, following
    end
  end
  return operands, options
end

local function check_operands(command, operands)
  if #operands < command.least then return nil, ("%s: missing %s"):format(command.name, command.operands) end
  if command.most and #operands > command.most then
    return nil, ('%s: one argument too many: "%s"'):format(command.name, operands[command.most + 1])
  end
  return true
end

local function usage_error(message, command)
  err(("%s\nTry: luvisor %s--help"):format(message, command and command.name .. " " or ""))
  return USAGE
end

-- ---- commands

local ALIASES = { ["--version"] = "version", ["-v"] = "version" }

local function find_by_name(list, name)
  for _, command in ipairs(list) do
    if command.name == name then return command end
  end
end

local function find_command(word)
  word = ALIASES[word] or word
  local command = find_by_name(commands, word) or find_by_name(all_commands(), word)
  if command then return command end
  if word:sub(1, 1) == "-" then return nil, ("options such as %s come after the command"):format(word) end
  if word:find "%.lua$" then
    return nil, ('unknown command "%s", did you mean "run %s"?'):format(word, word)
  end
  local names = {}
  for i, one in ipairs(all_commands()) do names[i] = one.name end
  return nil, ('unknown command "%s"%s'):format(word, suggest.hint(word, names))
end

local function help_about(word)
  if not word or word:find "^%-" then return help() end
  local command, message = find_command(word)
  if not command then return usage_error(message) end
  return help_command(command)
end

-- What could not be written was not said.
local function check_written()
  local ok, message, code = system.flush()
  if ok or code == "EPIPE" then return 0 end
  err("stdout: " .. message)
  return FAILED
end

-- Where the library is to come from, if not from the binary.
local function check_library(path)
  local directory = not path or path == "" or io.open(path .. "/.")
  if directory then return directory == true or directory:close() end
  return nil, ("LUVISOR_LUA: %s is no directory"):format(path)
end

--- Runs the command line; arguments[0] is the program.
---@param arguments string[]
---@return integer|nil code nil while the command goes on running on the loop
function cli.main(arguments)
  local word = arguments[1]
  local ok, message = check_library(os.getenv "LUVISOR_LUA")
  if not ok then return usage_error(message) end
  if not word then
    help()
    return USAGE
  end
  if word == "--help" or word == "-h" then return help() end
  if word == "help" then return help_about(arguments[2]) end
  if word == "complete" then
    return require("luvisor.edge.complete").call(all_commands(), table.move(arguments, 2, #arguments, 1, {}))
  end
  local command
  command, message = find_command(word)
  if not command then return usage_error(message) end
  local operands, options = parse(command, arguments, 2)
  if not operands then return usage_error(("%s: %s"):format(command.name, options), command) end
  if operands == "help" then return help_command(command) end
  ok, message = check_operands(command, operands)
  if not ok then return usage_error(message, command) end
  local code = command.call(operands, options, arguments)
  return code == 0 and check_written() or code
end

return cli
