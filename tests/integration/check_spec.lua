-- SPDX-License-Identifier: Apache-2.0
-- What `luvisor check` finds missing on this machine, which is a warning.

local host = require "host"
local uv = require "luv"

describe("luvisor check", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function put(name, text) host.write(directory .. "/" .. name, text) end

  -- What it warns of in such a program of line 3, each time as "key: text".
  local function warnings(keys)
    put("tree.lua", ([[local luvisor = require "luvisor"
return luvisor.supervisor { name = "t", children = {
luvisor.program { name = "p", %s },
} }]]):format(keys))
    local process, list = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory }), {}
    assert.equal(0, (process:wait()), process:output())
    for line in process:stderr():gmatch "[^\n]+" do
      list[#list + 1] = line:gsub('^luvisor: warning: tree%.lua:3: program "p[:0]*": key "([%w.]+)": ', "%1: ")
    end
    return list
  end

  it("warns of executables that are not there, once where many miss the same", function()
    assert.same({ "command: there is no program nonesuch on its PATH" }, warnings 'command = "nonesuch -x"')
    assert.same({ "command: there is no program ./no" }, warnings 'command = "./no", count = 3')
    assert.same({ "command: there is no program sleep on its PATH" },
      warnings 'command = "sleep 1", env = { PATH = "/nonesuch" }')
    assert.same({ "ready.exec: there is no program one on its PATH",
      "health.exec: there is no program two on its PATH", "stop.command: there is no program three on its PATH",
      "reload.command: there is no program /four" }, warnings [[command = "sleep 1", ready = { exec = "one" },
        health = { exec = "two" }, stop = { command = "three" }, reload = { command = "/four" }]])
    put("no", "#!/bin/sh\n")
    assert.same({ "command: there is no program ./no" }, warnings 'command = "./no"')
    uv.fs_chmod(directory .. "/no", 493)
    assert.same({}, warnings 'command = "./no", clear_env = true')
    assert.same({}, warnings 'command = "sleep 1", clear_env = true')
  end)

  it("warns of log files that could not be opened", function()
    assert.same({ "stdout.file: there is no directory logs/" },
      warnings 'command = "sleep 1", stdout = { file = "logs/x" }')
    assert.same({ "stderr.file: . is a directory, not a file" },
      warnings 'command = "sleep 1", stderr = { file = "." }')
    uv.fs_symlink("/dev/null", directory .. "/link")
    assert.same({ "stdout.file: link is a symbolic link, which no log follows" },
      warnings 'command = "sleep 1", stdout = { file = "link" }')
    put("log", "")
    uv.fs_mkdir(directory .. "/shut", 365)
    uv.fs_chmod(directory .. "/log", 292)
    local own = uv.getuid() ~= 0 and {
      { "stdout.file: log may not be written to" }, { "stdout.file: shut/ may not be written to" },
    } or { {}, {} } -- root may
    assert.same(own[1], warnings 'command = "sleep 1", stdout = { file = "log" }')
    assert.same(own[2], warnings 'command = "sleep 1", stdout = { file = "shut/x" }')
    uv.fs_chmod(directory .. "/log", 420)
    assert.same({}, warnings 'command = "sleep 1", stdout = { file = "log" }, stderr = { file = "/dev/null" }')
  end)
end)
