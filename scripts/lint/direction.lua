-- SPDX-License-Identifier: Apache-2.0
-- Which way the arrows point: what a file may include or require.
--
-- C:   main -> host -> api -> executor -> process, output, message, history -> vm -> base.
--      A file may include its own room and what is below it, never in a circle.
-- Lua: core requires core; machine requires core and machine; the rest may require everything. No circle here either.

local source = require("lint.source")

local direction = {}

-- The rooms of host/, from the bottom up: its folders, then what lies in host/ itself.
local floors = {
  { "base" }, { "vm" }, { "process", "output", "message", "history" }, { "executor" }, { "api" },
  { "host" }, { "main" },
}
local at_the_top = { host = "host", engine = "host", main = "main" }
local without_uv = { vm = true, mould = true, gather = true, memory = true, deadline = true, interrupt = true }

local floor_of = {}
for number, floor in ipairs(floors) do
  for _, room in ipairs(floor) do floor_of[room] = number end
end

local function noun_of(path)
  if path:match("^host/api/") then return "api" end
  return path:match("^host/.-(%a+)[%w_]*%.[ch]$")
end

local function room_of(path)
  return path:match("^host/([^/]+)/") or at_the_top[noun_of(path)]
end

--- The file of the project that `path` includes by the name `name`, as a path without "..".
local function resolve(path, name, files)
  local beside = path:match("^(.*/)") .. name
  repeat
    local shorter, count = beside:gsub("[^/]+/%.%./", "", 1)
    beside = shorter
  until count == 0
  if files[beside] then return beside end
  return files["host/" .. name] and "host/" .. name or nil
end

local function check_include(path, name, files)
  local from = noun_of(path)
  if name:match("%.c$") then return nil, ("includes %s: a .c file is compiled, not included"):format(name) end
  if without_uv[from] and (name == "uv.h" or name:match("^luv/")) then
    return nil, ("includes %s: %s knows no loop"):format(name, from)
  end
  local target = resolve(path, name, files)
  local to = target and noun_of(target)
  if not to or to == from then return nil end
  local mine, its = room_of(path), room_of(target)
  if floor_of[mine] and floor_of[its] and floor_of[its] > floor_of[mine] then
    return nil, ("includes %s: %s must not know %s"):format(name, mine, its)
  end
  return target
end

-- luaL_checkstack asks for room, not for an argument.
local function argument_checking(line)
  for name in line:gmatch("%f[%w_](luaL_check[%w]+)%s*%(") do
    if name ~= "luaL_checkstack" and name ~= "luaL_checkversion" then return name end
  end
  return line:match("%f[%w_](luaL_opt[%w]+)%s*%(") or line:match("%f[%w_](luaL_arg[%w]+)%s*%(") or
    line:match("%f[%w_](luaopen_[%w_]+)")
end

local function check_c(path, text, files, report)
  local edges = {}
  if not floor_of[room_of(path)] then
    report(path, 1, "has no room; put it into one of those in scripts/lint/direction.lua")
  end
  for number, line in source.lines(source.code(text, "c", true)) do
    local name = line:match('^%s*#%s*include%s*["<]([^">]+)[">]')
    if name then
      local target, problem = check_include(path, name, files)
      if problem then report(path, number, problem) end
      if target then edges[#edges + 1] = noun_of(target) end
    end
  end
  if path:match("^host/api/") then return edges end
  for number, line in source.lines(source.code(text, "c")) do
    local name = argument_checking(line)
    if name then report(path, number, ("uses %s: only host/api knows Lua's arguments and modules"):format(name)) end
  end
  return edges
end

-- What the modules of a room may require, and how the room is called in a message.
local allowed = {
  core = { "^luvisor%.core%." },
  machine = { "^luvisor%.core%.", "^luvisor%.machine%." },
}

local function is_allowed(room, name)
  for _, pattern in ipairs(allowed[room] or { "" }) do
    if name:match(pattern) then return true end
  end
  return false
end

local function module_name(path)
  local inner = path:match("^lua/(.+)%.lua$")
  return inner == "init" and "luvisor" or "luvisor." .. inner:gsub("/", ".")
end

local room_words = { core = "core", machine = "core and machine" }

-- They require what those who use them name.
local passes_on = { ["lua/core/lazy.lua"] = true, ["lua/core/parts.lua"] = true }

local function check_require(room, name)
  if not allowed[room] or name and is_allowed(room, name) then return nil end
  if not name then return ("requires what cannot be read here: lua/%s names its modules"):format(room) end
  return ("requires %s: lua/%s requires only %s"):format(name, room, room_words[room])
end

local function check_lua(path, text, report)
  local room, edges = not passes_on[path] and path:match("^lua/([^/]+)/") or nil, {}
  local with_strings = source.code(text, "lua", true)
  for number, line, start in source.lines(source.code(text, "lua")) do
    for at in line:gmatch("%f[%w_]require()%f[^%w_]") do
      local name = with_strings:match("^%s*%(?%s*[\"']([^\"'\n]+)[\"']", start + at - 1)
      local problem = check_require(room, name)
      if problem then report(path, number, problem) end
      -- What is required within a function is asked for later: that closes no circle.
      if name and not line:match("^%s") then edges[#edges + 1] = name end
    end
    if line:find "%f[%w_]lazy%f[^%w_]" or line:find "%f[%w_]parts%(" then
      for name in with_strings:sub(start, start + #line - 1):gmatch("[\"'](luvisor[%w_.]*)[\"']") do
        local problem = check_require(room, name)
        if problem then report(path, number, problem) end
      end
    end
  end
  return edges
end

--- Reports each circle once, at the first of its nodes in alphabetical order.
local function find_circles(graph, report)
  local state, trail = {}, {}
  local function visit(node)
    state[node] = "open"
    trail[#trail + 1] = node
    for _, target in ipairs(graph[node].edges) do
      if graph[target] and state[target] == "open" then
        report(graph[node].path, 1, ("closes a circle: %s -> %s"):format(table.concat(trail, " -> "), target))
      elseif graph[target] and not state[target] then
        visit(target)
      end
    end
    trail[#trail] = nil
    state[node] = "done"
  end
  local nodes = {}
  for node in pairs(graph) do nodes[#nodes + 1] = node end
  table.sort(nodes)
  for _, node in ipairs(nodes) do
    if not state[node] then visit(node) end
  end
end

local function add_node(graph, name, path, edges)
  local node = graph[name] or { path = path, edges = {} }
  graph[name] = node
  table.move(edges, 1, #edges, #node.edges + 1, node.edges)
end

--- Checks all files of host/ and lua/; others are left alone.
---@param files table<string, string> path -> text
---@param report fun(path: string, line: integer, problem: string)
function direction.check(files, report)
  local graph = {}
  for path, text in pairs(files) do
    if path:match("^host/.+%.[ch]$") then
      add_node(graph, noun_of(path), path, check_c(path, text, files, report))
    elseif path:match("^lua/.+%.lua$") and not path:match("^lua/meta/") then
      add_node(graph, module_name(path), path, check_lua(path, text, report))
    end
  end
  find_circles(graph, report)
end

return direction
