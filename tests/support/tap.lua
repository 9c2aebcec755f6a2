-- SPDX-License-Identifier: Apache-2.0
-- A TAP reporter for busted. Unlike busted's own it survives a file that does not load, counts everything that
-- fails outside a test (setup, teardown, file), tells why on stderr, where prove lets it through, and fails a file
-- in which no test ran.

local function say(...)
  io.stdout:write(string.format(...), "\n")
  io.stdout:flush()
end

--- A name that TAP cannot take for a directive or for two lines.
local function quote(name)
  return (name:gsub("%s+", " "):gsub("#", "\\#"))
end

local function text_of(message)
  if message == nil then return "nil error" end
  return type(message) == "string" and message or require("pl.pretty").write(message)
end

local function explain(name, problem)
  local trace = problem.trace or {}
  local lines = { "  " .. name, text_of(problem.message) }
  if trace.short_src then
    lines[#lines + 1] = ("at %s:%s"):format(trace.short_src, trace.currentline or "?")
  end
  if problem.is_error and trace.traceback then lines[#lines + 1] = trace.traceback end
  io.stderr:write("# ", (table.concat(lines, "\n"):gsub("%s+$", ""):gsub("\n+", "\n#   ")), "\n")
end

local function is_selective()
  for _, option in ipairs(arg) do
    if option:match("^%-%-filter") or option:match("^%-%-[%a-]*tags") then return true end
  end
  return false
end

return function()
  local busted = require("busted")
  local handler = require("busted.outputHandlers.base")()
  local count = 0
  local problems = {} -- of the test that runs

  local function fail(name, list)
    count = count + 1
    say("not ok %d - %s", count, quote(name))
    for _, problem in ipairs(list) do
      explain(name, problem)
    end
  end

  local function on_problem(is_error)
    return function(element, _, message, trace)
      local problem = { message = message, trace = trace, is_error = is_error }
      if element.descriptor == "it" then
        problems[#problems + 1] = problem
      else
        fail(("%s (%s)"):format(handler.getFullName(element), element.descriptor), { problem })
      end
      return nil, true
    end
  end

  local function on_test_end(element, _, status)
    local name = handler.getFullName(element)
    if status == "success" then
      count = count + 1
      say("ok %d - %s", count, quote(name))
    elseif status == "pending" then
      count = count + 1
      say("ok %d - %s # SKIP", count, quote(name))
    else
      fail(name, problems)
    end
    problems = {}
    return nil, true
  end

  local function on_suite_end()
    if count > 0 then
      say("1..%d", count)
    elseif is_selective() then
      say("1..0 # SKIP no test is selected")
    else
      fail("a test runs", { { message = "there is none in this file" } })
      say("1..1")
    end
    return nil, true
  end

  busted.subscribe({ "failure" }, on_problem(false))
  busted.subscribe({ "error" }, on_problem(true))
  busted.subscribe({ "test", "end" }, on_test_end)
  busted.subscribe({ "suite", "end" }, on_suite_end)
  return handler
end
