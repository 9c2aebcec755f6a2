-- SPDX-License-Identifier: Apache-2.0
-- examples/camera looks after itself: what hangs is found, what is killed comes back, what is due is done.

local host = require "host"
local uv = require "luv"

describe("examples/camera", function()
  local tree, data

  local function start(env)
    data = host.directory()
    env.CAMERA_DATA, env.CAMERA_PORT = data, tostring(host.free_port())
    tree = host.spawn({ "run", "examples/camera/tree.lua" }, env)
    tree:expect("camera/web STARTING %-> RUNNING", 20)
  end

  after_each(host.clean_up)

  it("prepares first, and retires what prepared", function()
    start { CAMERA_EVERY = "60" }
    tree:expect "camera/prepare ended: normal\n.*camera/vision idle %-> starting"
    assert.equal(0, tree:stop())
    assert.equal(1, tree:count "camera/prepare idle %-> starting")
  end)

  it("finds the algorithm that hangs, and the controller holds still meanwhile", function()
    start { CAMERA_STALL = "5" }
    tree:expect("algorithm ended: timeout: heartbeat 1 s in running, restarts\n", 20, 2)
    tree:expect("controller following %-> holding %(nothing_new%)", 20, 2)
    tree:expect("controller holding %-> following %(frame%)", 20, 2)
    assert.equal(1, tree:count "camera/vision/controller waiting %-> following")
    assert.truthy(host.read(data .. "/events.txt"):find "camera/vision/algorithm: timeout: heartbeat 1 s in running\n")
    assert.equal(0, tree:stop())
  end)

  it("has the report written again and again", function()
    start { CAMERA_EVERY = "0.5" }
    tree:expect("camera/jobs/report ended: exit 0\n", 20, 3)
    assert.truthy(host.read(data .. "/report.txt"):find "last frame: {.*bad ends: 0\n")
    assert.equal(0, tree:stop())
  end)

  it("brings the web server back", function()
    start {}
    local pid = math.tointeger(tree:expect "camera/web STOPPED %-> STARTING %(pid (%d+)%)")
    assert.equal(0, uv.kill(pid, "sigkill"))
    tree:expect "camera/web ended: signal 9 %(SIGKILL%), restarts in 0.1"
    tree:expect("camera/web STARTING %-> RUNNING", 20, 2)
    assert.equal(1, tree:count "camera/vision idle %-> starting")
    assert.equal(0, tree:stop())
  end)
end)
