-- SPDX-License-Identifier: Apache-2.0
-- Registered names, topics, monitors and links between runtimes: the same two workers, wherever they run.

local executors = require "executors"
local host = require "host"
local modules = require "acquaintance_modules"

local start, worker = executors.start, executors.worker

local function set_up() executors.set_up(modules) end

-- With `inner` the puppet runs on that executor, in a supervisor that runs on `to`.
local function script(from, to, options)
  local puppet = worker(options.inner or to, 'name = "puppet", module = "puppet"')
  local path = "root/puppet"
  if options.inner then
    puppet = ('luvisor.supervisor { name = "sub", executor = %q, children = { %s } }'):format(to, puppet)
    path = "root/sub/puppet"
  end
  local seeker = worker(from, ([[name = "seeker", module = "acquainted", restart = "transient",
    args = { puppet = %q, how = %q, kind = %q }, after = { %s = "ready" }]]):format(path, options.how or "error",
    options.kind or "error", options.inner and "sub" or "puppet"))
  return executors.tree(puppet .. "," .. worker("coroutine", 'name = "last", module = "puppet"') .. ","
    .. seeker, "intensity = { restarts = 9, within = 1 }"), path
end

local function check(from, to, options)
  options = options or {}
  local text, path = script(from, to, options)
  local process = start(text)
  process:expect("root/seeker is acquainted", 30)
  assert.falsy(process:stderr():find("WRONG", 1, true), process:stderr())
  process:expect "exit root/seeker: normal"
  local client = { "repl", "--name=" .. executors.name(), "-e",
    ("luvisor.call(%q, 'heard')"):format(path) }
  assert.truthy(host.wait_until(function()
    local _, said = host.run(client, { XDG_RUNTIME_DIR = process.place })
    return said:find("down root/seeker normal", 1, true) and said:find("exit root/seeker normal", 1, true)
  end, 10))
  assert.equal(0, process:stop())
end

for _, pair in ipairs {
  { "coroutine", "coroutine" }, { "coroutine", "thread" }, { "thread", "coroutine" }, { "coroutine", "process" },
  { "process", "coroutine" }, { "thread", "process" }, { "process", "shell" },
} do
  describe(("acquaintance of %s and %s"):format(pair[1], pair[2]), function()
    before_each(set_up)
    after_each(executors.clean_up)

    it("is by name, topic, monitor and link, and ends with either", function() check(pair[1], pair[2]) end)
  end)
end

describe("acquaintance", function()
  before_each(set_up)
  after_each(executors.clean_up)

  it("ends with a process that is killed", function()
    check("thread", "process", { how = "kill", kind = "signal" })
  end)

  it("ends with a thread that is given up", function()
    check("process", "thread", { how = "sit", kind = "abandoned" })
  end)

  it("ends with a subtree that is killed, for all that was in it", function()
    check("coroutine", "process", { inner = "coroutine", how = "kill", kind = "killed" })
    executors.clean_up()
    set_up()
    check("process", "process", { inner = "thread", how = "kill", kind = "killed" })
  end)

  it("is the same with what runs in a guest of a guest", function()
    check("process", "thread", { inner = "process" })
  end)
end)
