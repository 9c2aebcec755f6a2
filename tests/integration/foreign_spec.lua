-- SPDX-License-Identifier: Apache-2.0
-- An executor of the script's own with something else than a guest of luvisor's at the other end.

local executors = require "executors"
local host = require "host"

describe("at the other end of an executor of one's own", function()
  before_each(executors.set_up)
  after_each(executors.clean_up)

  local function ask(process, ...)
    local command = { ... }
    command[#command + 1] = "--name=" .. executors.name()
    return host.run(command, { XDG_RUNTIME_DIR = process.place })
  end

  local function run(command)
    local process = executors.start(([[
      local function start(unit)
        local to, from, process = uv.new_pipe(false), uv.new_pipe(false), nil
        process = assert(uv.spawn("sh", { args = { "-c", %q }, stdio = { to, from, 2 }, detached = true },
          function(_, signal) unit:ended { kind = "signal", signal = signal } end))
        unit:connect(from, to)
        return process
      end
      local function kill(_, process) process:kill "sigkill" end
      return luvisor.supervisor { name = "root", children = {
        luvisor.worker { name = "plain", module = "plain", args = { text = "p" } },
        luvisor.worker { name = "foreign", module = "plain", executor = { start = start, kill = kill },
          restart = "temporary", autostart = false },
      } }
    ]]):format(command))
    process:expect "root starting %-> running"
    local code, out = ask(process, "start", "foreign", "--no-wait")
    assert.equal(0, code, out)
    return process
  end

  for what, command in pairs {
    ["a frame of 0 bytes"] = "exec cat /dev/zero",
    ["a frame of 4294967295 bytes"] = "printf '\\377\\377\\377\\377'; exec cat /dev/zero",
    ["a frame that cannot be decoded"] = "printf '\\004\\000\\000\\000\\301\\301\\301\\301'; exec sleep 1000",
  } do
    it(("%s ends it, and nobody waits for the host"):format(what), function()
      local process = run(command)
      process:expect("root/foreign at the other end is no guest: it has sent " .. what, 20)
      process:expect("exit root/foreign: signal 9", 20)
      assert.equal(0, (ask(process, "status", "plain")))
      assert.equal(0, process:stop())
    end)
  end

  it("a worker without a guest keeps its heartbeat, and its process", function()
    local process = executors.start [[
      local function start(unit)
        local process = assert(uv.spawn("sleep", { args = { "1000" } }, function() unit:ended() end))
        unit:ready()
        return process
      end
      return luvisor.supervisor { name = "root", children = {
        luvisor.worker { name = "foreign", module = "plain",
          executor = { start = start, kill = function(_, process) process:kill "sigkill" end } },
        luvisor.worker { name = "own", module = "plain", args = { text = "p" } },
      } }]]
    process:expect "root starting %-> running"
    local code, _, err = ask(process, "set", "foreign", "heartbeat", "9")
    assert.equal(1, code)
    assert.truthy(err:find("root/foreign: its executor runs no guest", 1, true), err)
    assert.equal(0, (ask(process, "set", "foreign", "shutdown", "9")))
    assert.equal(0, (ask(process, "set", "own", "heartbeat", "9"))) -- the control
    local _, out = ask(process, "repl", "-e", "info('foreign').generation")
    assert.equal("1\n", out)
    assert.equal(0, process:stop())
  end)
end)
