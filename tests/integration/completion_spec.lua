-- SPDX-License-Identifier: Apache-2.0
-- What shells ask for completion, and the manual page: both know every command and every option.

local host = require "host"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
local function program(name)
  return luvisor.program { name = name, command = { "sleep", "600" }, ready = { after = 0 }, tags = { "front" } }
end
return luvisor.supervisor { name = "top", children = {
  program "web", program "worker",
  luvisor.supervisor { name = "low", children = { program "web" } },
} }
]]

-- The words of `luvisor --help`.
local function commands()
  local list = {}
  local _, out = host.run { "--help" }
  for name in out:match("commands:\n(.-)\n\n"):gmatch "[^\n]+" do list[#list + 1] = name:match "%S+" end
  assert(#list > 15)
  return list
end

local function options_of(command)
  local list = {}
  local _, out = host.run { command, "--help" }
  for name in (out:match "\noptions:\n(.*)$" or ""):gmatch "%-%-[%w-]+" do list[#list + 1] = name end
  return list
end

local function has_program(name)
  return (host.run({ "-c", "command -v " .. name }, nil, 10, { command = { "/bin/sh" } })) == 0
end

describe("completion", function()
  local directory, process

  setup(function()
    directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    process = host.spawn({ "run", "--log-level", "warn", "tree.lua" }, nil, { cwd = directory })
    assert(host.wait_until(function() return uv.fs_stat(process:socket()) end, 10))
    local code, _, err = process:client { "start", "top/web", "worker" }
    assert.equal(0, code, err)
  end)
  teardown(function()
    process:stop()
    host.clean_up()
  end)

  local function complete(...)
    local code, out, err = process:client { "complete", ... }
    assert.equal(0, code)
    assert.equal("", err)
    local words = {}
    for line in out:gmatch "[^\n]+" do words[#words + 1] = line:match "^[^\t]*" end
    return table.concat(words, " ")
  end

  it("knows all commands", function()
    local known = " " .. complete "" .. " "
    for _, name in ipairs(commands()) do assert.truthy(known:find(" " .. name .. " ", 1, true), name) end
    assert.equal("start status stop", complete "st")
  end)

  it("knows all options", function()
    for _, command in ipairs(commands()) do
      local known = " " .. complete(command, "--") .. " "
      for _, option in ipairs(options_of(command)) do
        assert.truthy(known:find(" " .. option .. " ", 1, true), command .. " " .. option)
      end
    end
  end)

  it("knows values, signals and files", function()
    assert.equal("json", complete("run", "--log-format", "j"))
    assert.equal("--log-format=json --log-format=text", complete("run", "--log-format="))
    assert.equal("@files", complete("run", "--log-file", ""))
    assert.equal("@files", complete("run", "tr"))
    assert.equal("TERM", complete("signal", "T"))
    assert.equal("intensity.restarts intensity.within", complete("set", "top", "int"))
    assert.equal("bash fish zsh", complete("completion", ""))
    assert.equal("", complete("run", "tree.lua", ""))
    assert.equal("", complete("nonsense", ""))
  end)

  it("asks the host for units and tags", function()
    assert.equal("top top/low top/low/web top/web top/worker", complete("stop", "t"))
    assert.equal("worker", complete("stop", "w"))
    assert.equal("worker", complete("signal", "TERM", "w"))
    assert.equal("@front", complete("stop", "top/web", "@"))
    assert.equal("low", complete("stop", "--timeout", "5", "l"))
  end)

  it("says nothing where no host is", function()
    assert.equal("", complete("stop", "--name", "nobody", ""))
  end)

  local function in_bash(line)
    local text = [[
      source <("$0" completion bash)
      COMP_LINE=$1 COMP_POINT=${#1}
      compopt() { echo files; }
      _luvisor
      echo "${COMPREPLY[*]}"]]
    local code, out, err = host.run({ "-c", text, host.binary, host.binary .. " " .. line },
      { XDG_RUNTIME_DIR = process.place }, 10, { command = { "bash" } })
    assert.equal(0, code, err)
    return (out:gsub("\n$", ""))
  end

  it("works in bash, also after a colon", function()
    assert.equal("start status stop", in_bash "st")
    assert.equal("worker", in_bash "stop wo")
    assert.equal("json", in_bash "run --log-format=j")
    assert.equal("files\n", in_bash "run ")
  end)

  for shell, check in pairs { bash = "-n", zsh = "-n", fish = "--no-execute" } do
    it("is something that " .. shell .. " can read", function()
      local code, out = host.run { "completion", shell }
      assert.equal(0, code)
      if not has_program(shell) then return end
      host.write(directory .. "/completion", out)
      local message
      code, out, message = host.run({ check, directory .. "/completion" }, nil, 10, { command = { shell } })
      assert.equal(0, code, out .. message)
    end)
  end

  it("knows no other shell", function()
    assert.equal(2, (host.run { "completion", "csh" }))
  end)
end)

describe("the manual page", function()
  local _, page = host.run { "man" }

  it("has every command and every option", function()
    local plain = page:gsub("\\f[BIR]", ""):gsub("\\%-", "-"):gsub("\\e", "\\")
    for _, command in ipairs(commands()) do
      local part = plain:match("\n%.SS luvisor " .. command .. "%f[%s](.-)\n%.S[SH]")
      assert.truthy(part, command)
      for _, option in ipairs(options_of(command)) do
        assert.truthy(part:find(option, 1, true), command .. " " .. option)
      end
    end
  end)

  it("is formatted without a warning", function()
    if not has_program "groff" then return end
    local code, out, err = host.run({ "-man", "-ww", "-Tutf8", "-z" }, nil, 10,
      { command = { "groff" }, input = page })
    assert.equal(0, code)
    assert.equal("", out .. err)
  end)
end)
