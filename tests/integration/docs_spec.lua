-- SPDX-License-Identifier: Apache-2.0
-- What the documents show is true of this binary. The first words after the fence say what a block is:
--   lua run [exit=N] [says=TEXT]  a tree: runs, says the text, and ends by itself with N, or when told to, with 0
--   lua check                     a tree: luvisor check accepts it
--   lua file=NAME                 a module for the trees after it
--   lua fragment                  a part of something: only has to parse
--   console run                   lines "$ luvisor ..." and what they print; "$ echo $?" and the exit code
--   console day                   the same in one shell, of which the hosts stay; "..." is anything, any gap is a gap

local host = require "host"

local DOCUMENTS = { "README.md", "docs/guide.md", "docs/reference.md", "docs/cookbook.md", "docs/operations.md",
  "docs/service.md", "docs/schedules.md", "docs/migrate.md", "docs/output.md", "docs/messages.md", "docs/executors.md",
  "docs/reload.md", "docs/preemption.md", "docs/control.md", "docs/repl.md" }

local function blocks_of(text)
  local blocks, open, line_number = {}, nil, 0
  for line in text:gmatch "([^\n]*)\n" do
    line_number = line_number + 1
    if open and line == "```" then
      open.text = table.concat(open.lines, "\n") .. "\n"
      blocks[#blocks + 1], open = open, nil
    elseif open then
      table.insert(open.lines, line)
    elseif line:find "^```" then
      open = { info = line:match "^```%s*(.-)%s*$", lines = {}, line = line_number }
    end
  end
  return blocks
end

local function run_tree(directory, block)
  host.write(directory .. "/tree.lua", block.text)
  local tree = host.spawn({ "run", "tree.lua" }, nil, { cwd = directory })
  local says, code = block.info:match "says=(.+)$", math.tointeger(tonumber(block.info:match "exit=(%d+)" or 0))
  if says then tree:expect((says:gsub("%p", "%%%0")), 15) end
  if block.info:find "exit=" then return assert.equal(code, (tree:wait(15)), tree:output()) end
  local is_up = function() return tree.over or tree:output():find "\n%S+ %S+ +%w+ starting %-> running" end
  assert(host.wait_until(is_up, 15), tree:output())
  if not tree.over then tree:signal "sigterm" end
  assert.equal(0, (tree:wait(15)), tree:output())
end

local function check_tree(directory, block)
  host.write(directory .. "/tree.lua", block.text)
  local process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory })
  assert.equal(0, (process:wait(10)), process:output())
end

local function add_file(directory, block)
  local name = block.info:match "file=(%S+)"
  local folder = name:match "^(.*)/"
  if folder then require "luv".fs_mkdir(directory .. "/" .. folder, 493) end
  assert(load(block.text, "@" .. name))
  host.write(directory .. "/" .. name, block.text)
end

local function parse(_, block)
  local whole = load(block.text)
  local part = load("return {\n" .. block.text .. "\n}")
  assert(whole or part, "does not parse")
end

local function run_console(directory, block)
  local code, expected, printed = nil, {}, nil
  local function compare()
    if printed then assert.equal(table.concat(expected, "\n"), (printed:gsub("\n$", ""))) end
    expected, printed = {}, nil
  end
  for _, line in ipairs(block.lines) do
    local arguments = line:match "^%$ luvisor ?(.*)$"
    if arguments then
      compare()
      local words = {}
      for word in arguments:gmatch "%S+" do words[#words + 1] = word end
      local process = host.spawn(words, nil, { cwd = directory })
      code = process:wait(10)
      printed = process:stdout() .. process:stderr()
    elseif line == "$ echo $?" then
      compare()
      printed = tostring(code)
    else
      expected[#expected + 1] = line
    end
  end
  compare()
end

local MARK = "\1"

-- What each command prints begins with a mark.
local function script_of(block)
  local lines, expected = {}, {}
  for _, line in ipairs(block.lines) do
    local command = line:match "^%$ (.*)$"
    if command then
      lines[#lines + 1] = ("printf '%s'\n%s"):format(MARK, command)
      expected[#expected + 1] = { command = command }
    else
      table.insert(expected[#expected], line)
    end
  end
  return table.concat(lines, "\n"), expected
end

local function pattern_of(lines)
  local text = table.concat(lines, "\n"):gsub("%.%.%.", "\2"):gsub("%p", "%%%0"):gsub(" +", " ")
  return "^" .. text:gsub("\2", ".-") .. "\n?$"
end

local function run_day(directory, block)
  local script, expected = script_of(block)
  local env = {
    LUVISOR_SOCKET = directory .. "/day.sock", -- and beside it all that the host writes
    PATH = host.binary:match "^(.*)/[^/]*$" .. ":" .. os.getenv "PATH",
  }
  host.write(directory .. "/day.sh", "exec 2>&1\n" .. script .. "\n")
  local process = host.spawn({ "day.sh" }, env, { cwd = directory, command = { "sh" } })
  process:wait(60)
  local at = 0
  for output in process:output():gmatch(MARK .. "([^" .. MARK .. "]*)") do
    at = at + 1
    local told = output:gsub(" +", " ")
    assert(told:find(pattern_of(expected[at])), ("$ %s\n%s"):format(expected[at].command, output))
  end
  assert.equal(#expected, at)
end

local KINDS = {
  ["^console day"] = run_day,
  ["^lua run"] = run_tree, ["^lua check"] = check_tree, ["^lua file="] = add_file, ["^lua fragment"] = parse,
  ["^console run"] = run_console,
}

describe("the snippets of", function()
  for _, document in ipairs(DOCUMENTS) do
    describe(document, function()
      local directory, remove_directory
      setup(function() directory, remove_directory = host.directory(true) end)
      teardown(function() remove_directory() end)
      after_each(host.clean_up)

      for _, block in ipairs(blocks_of(host.read(host.root .. "/" .. document) or "")) do
        for pattern, check in pairs(KINDS) do
          if block.info:find(pattern) then
            it(("line %d (%s)"):format(block.line, block.info), function() check(directory, block) end)
            block.known = true
          end
        end
        if not block.known and block.info:find "^lua" then
          it(("line %d (%s)"):format(block.line, block.info), function() error "what is to be done with it?" end)
        end
      end
    end)
  end
end)

describe("docs/reference.md", function()
  local text = host.read(host.root .. "/docs/reference.md")

  local function has(word) assert(text:find("`" .. word .. "[`%(, ]"), "says nothing of `" .. word .. "`") end

  local function section(name)
    return text:match("\n## " .. name .. "\n(.-)\n## ") or text:match("\n## " .. name .. "\n(.*)")
  end

  it("has every setting with its built-in value", function()
    for _, setting in ipairs(require "luvisor.core.defaults".list) do
      local row = section "Settings":match("\n(| `" .. setting.name .. "` |[^\n]*)")
      assert(row, "no row for " .. setting.name)
      if setting.builtin ~= nil then
        assert(row:find(("| %s |"):format(setting.builtin), 1, true), row)
      end
    end
  end)

  it("has every key of any unit, every event, every part of restart, every kind of exit", function()
    for key in pairs(require "luvisor.core.spec.unit".schema) do has(key) end
    for _, kind in ipairs(require "luvisor.edge.script".kinds) do has(kind) end
    for _, kind in ipairs(require "luvisor.core.exit".kinds) do has(kind) end
    for _, name in ipairs { "retries", "backoff", "exit_codes", "exit_signals", "first", "on_success", "on_failure",
      "on_abnormal", "on_abort", "on_watchdog", "always", "never" } do has("restart." .. name) end
  end)

  it("is right about the keys of a program that are not there yet", function()
    local spec = require "luvisor.core.spec"
    for key in section "Programs":gmatch "\n| `([%w_]+)` | %*not yet%* |" do
      local made, message = spec.program { name = "p", command = "true", [key] = 1 }
      assert.is_nil(made)
      assert.truthy(message:find("not available in this version", 1, true), key .. ": " .. message)
    end
  end)
end)
