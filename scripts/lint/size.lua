-- SPDX-License-Identifier: Apache-2.0
-- How long a file and a function may be. Counts from the line a function begins on to the line of its end.

local source = require("lint.source")

local size = { columns = 120, function_lines = 60, file_lines = { c = 400, lua = 300 } }

-- What opens a block that `end` or `until` closes; `while` and `for` do so by their `do`.
local opens = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local closes = { ["end"] = true, ["until"] = true }

--- The lines of a function that has ended; those within it no longer count in a function that is a whole module,
--- "return function(env) ... end": it is but the scope of what it defines.
local function function_length(block, last, outer)
  local length = last - block.line + 1
  if outer and outer.is_module then outer.inner = outer.inner + length end
  return length - block.inner
end

--- Every function of a text of Lua code: { first line, lines }.
local function lua_functions(code)
  local found, blocks = {}, {}
  for number, line in source.lines(code) do
    for word in line:gmatch("[%a_][%w_]*") do
      if opens[word] then
        local is_module = line:match("^return%s+function%f[^%w_]") ~= nil
        blocks[#blocks + 1] = { word = word, line = number, inner = 0, is_module = is_module }
      elseif closes[word] and #blocks > 0 then
        local block = table.remove(blocks)
        if block.word == "function" then
          found[#found + 1] = { block.line, function_length(block, number, blocks[#blocks]) }
        end
      end
    end
  end
  return found
end

--- Preprocessor lines become empty, with those they go on in.
local function without_directives(code)
  local out, goes_on = {}, false
  for _, line in source.lines(code) do
    local directive = goes_on or line:match("^%s*#")
    goes_on = directive and line:match("\\%s*$")
    out[#out + 1] = directive and "" or line
  end
  return table.concat(out, "\n")
end

--- Every function of a text of C code: a brace outside of all others, after a parameter list.
local function c_functions(code)
  local found, depth, first, last_word, head = {}, 0, nil, nil, nil
  for number, line in source.lines(without_directives(code)) do
    for token in line:gmatch("[^%s]") do
      if depth == 0 then
        if token == "{" then
          first = last_word == ")" and head or nil
        elseif token == ";" then
          head = nil
        elseif not head then
          head = number
        end
      end
      if token == "{" then depth = depth + 1 end
      if token == "}" then
        depth = math.max(depth - 1, 0)
        if depth == 0 then
          if first then found[#found + 1] = { first, number - first + 1 } end
          first, head = nil, nil
        end
      end
      last_word = token
    end
  end
  return found
end

--- The longest function of a text in lines, and the line it begins on; 0 when there is none.
---@param text string
---@param language "c"|"lua"
---@return integer length, integer line
function size.longest_function(text, language)
  local code = source.code(text, language)
  local length, at = 0, 1
  for _, found in ipairs(language == "c" and c_functions(code) or lua_functions(code)) do
    if found[2] > length then length, at = found[2], found[1] end
  end
  return length, at
end

local function at_long_lines(text, fn)
  local number = 0
  for line in text:gmatch "([^\n]*)\n" do
    number = number + 1
    if #line > size.columns then fn(number, #line) end
  end
end

local function is_spec(path)
  return path:match("_spec%.lua$") ~= nil
end

--- Checks all files; the functions of specs may be long, as `describe` takes one.
---@param files table<string, string> path -> text
---@param report fun(path: string, line: integer, problem: string)
function size.check(files, report)
  for path, text in pairs(files) do
    local language = source.language(path)
    local lines = select(2, text:gsub("\n", "\n"))
    if lines > size.file_lines[language] then
      report(path, lines, ("file of %d lines, more than %d"):format(lines, size.file_lines[language]))
    end
    if language == "c" then -- of which luacheck knows nothing
      at_long_lines(text, function(line, columns)
        report(path, line, ("line of %d columns, more than %d"):format(columns, size.columns))
      end)
    end
    local length, at = size.longest_function(text, language)
    if length > size.function_lines and not is_spec(path) then
      report(path, at, ("function of %d lines, more than %d"):format(length, size.function_lines))
    end
  end
end

return size
