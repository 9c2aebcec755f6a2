-- SPDX-License-Identifier: Apache-2.0
-- The history: what happened to the units, kept beyond the life of the host.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "bad", command = { "sh", "-c", "exit 7" }, ready = { after = 60 }, autostart = false,
    restart = luvisor.restart.retries(1), backoff = { min = 0.05, max = 0.05 } },
  luvisor.program { name = "many", count = 2, command = { "sleep", "600" }, ready = { after = 0 } },
  luvisor.program { name = "good", tags = { "fine", "web" }, command = { "sleep", "600" }, ready = { after = 0 } },
} }
]]

describe("the history", function()
  local directory, process, file

  local function spawn(options, env)
    local args = { "run", "--log-level", "warn", "tree.lua" }
    table.move(options or { "--history", file }, 1, 2, #args + 1, args)
    process = host.spawn(args, env, { cwd = directory })
    assert(host.wait_until(function() return process.over or uv.fs_stat(process:socket()) end, 10))
    return process
  end

  -- Runs `luvisor history` until it says all of the patterns.
  local function expect(args, ...)
    local patterns, code, out, err = { ... }, nil, nil, nil
    local words = table.move(args, 1, #args, 2, { "history" })
    local function says()
      code, out, err = process:client(words)
      for _, pattern in ipairs(patterns) do
        if not out:find(pattern) then return false end
      end
      return code == 0
    end
    assert(host.wait_until(says, 15), ("%s\n%s%s"):format(code, out, err))
    return out
  end

  before_each(function()
    directory = host.directory()
    file = directory .. "/kept/history"
    host.write(directory .. "/tree.lua", TREE)
  end)
  after_each(function()
    if process then process:stop() end
    process = nil
    host.clean_up()
  end)

  it("ends with the tree, whatever the units still say", function()
    host.write(directory .. "/tree.lua", [[
      local luvisor = require "luvisor"
      local W = require("luvisor.worker").define()
      W:actor("starting", function() return "run" end)
      W:actor("running", { every = 0.01 }, function() error "enough" end)
      return luvisor.supervisor { name = "top", intensity = { restarts = 0, within = 5 }, children = {
        luvisor.worker { name = "w", module = W }, luvisor.worker { name = "other", module = W, executor = "process" },
      } }
    ]])
    spawn()
    assert.equal(1, (process:wait(20)), process:output())
    assert.equal(0, process:count "subscriber of", process:output())
  end)

  it("tells what happened, and who asked, also when the host has ended and after the next start", function()
    spawn()
    process:client { "start", "bad" }
    process:client { "stop", "good" }
    local out = expect({}, "host +luvisor started: pid %d+", "ready +top/good", "command +top/bad start by uid %d+",
      "exit +top/bad exit 7", "fatal +top/bad", "stop +top/good stop by uid %d+")
    assert.truthy(out:find("host.*ready.*command.*fatal"))
    local first = process
    process:stop()
    process = first
    expect({ "--file", file }, "host +luvisor ended: ")
    spawn()
    out = expect({}, "started.*ended.*started")
    assert.falsy(out:find "lost")
  end)

  it("survives the death of the host", function()
    spawn()
    expect({}, "ready +top/good")
    process:signal "sigkill"
    process:wait()
    expect({ "--file", file }, "ready +top/good")
  end)

  it("is asked for by unit, number, time and as JSON", function()
    spawn()
    process:client { "start", "bad" }
    local out = expect({ "bad" }, "fatal +top/bad")
    assert.falsy(out:find "good")
    expect({ "many" }, "ready +top/many:0", "ready +top/many:1")
    out = expect({ "-n", "1", "bad" }, "fatal")
    assert.equal(1, select(2, out:gsub("\n", "")))
    for line in expect({ "--json", "--since", "1h" }, '"fatal"'):gmatch "[^\n]+" do
      local event = json.decode(line)
      assert.truthy(event.kind and event.unit and event.time)
    end
    assert.equal("", expect { "--since", "2999-01-01" })
    out = expect({ "@web" }, "ready +top/good")
    assert.falsy(out:find "top/bad")
    assert.equal("", expect { "@none" })
    assert.equal("luvisor: nothing of that is in " .. file .. "\n", (select(3, process:client { "history", "@none" })))
    for _, wrong in ipairs { { "--since", "soon" }, { "-n", "0" } } do
      assert.equal(2, (process:client(table.move(wrong, 1, 2, 2, { "history" }))))
    end
  end)

  it("is off in the foreground, and says so", function()
    spawn { "--history", "off" }
    local code, _, err = process:client { "history" }
    assert.equal(1, code)
    assert.truthy(err:find "there is no history")
  end)

  it("is where the script or the environment say, and on in daemon mode", function()
    spawn({}, { LUVISOR_HISTORY = directory .. "/by_environment" })
    expect({}, "ready +top/good")
    assert.truthy(uv.fs_stat(directory .. "/by_environment"))
    process:stop()
    local socket = directory .. "/d.sock"
    local code, out, err = host.run({ "run", "--daemon", "--socket", socket, directory .. "/tree.lua" })
    assert.equal(0, code, out .. err)
    process = host.spawn({ "version" })
    expect({ "--socket", socket }, "ready +top/good")
    assert.truthy(uv.fs_stat(directory .. "/d.history"))
    assert.equal(0, (process:client { "shutdown", "--socket", socket }))
    expect({ "--socket", socket }, "ended")
    process = nil
  end)

  it("that cannot be written is told once, and keeps nobody from running", function()
    assert(uv.fs_mkdir(directory .. "/kept", 448))
    assert(uv.fs_mkdir(file, 448))
    spawn()
    process:expect "warn +luvisor history: .*/kept/history: .*, entries are lost"
    assert.equal(0, (process:client { "stop", "good" }))
    assert.equal(1, process:count "entries are lost")
  end)
end)
