-- SPDX-License-Identifier: Apache-2.0
-- What only a runtime of its own can do: a limit of memory, calls that do not come back, and ends of the process.

local executors = require "executors"
local host = require "host"

local start, tree, worker = executors.start, executors.tree, executors.worker

local function spec_of(name, body)
  describe(name, function()
    before_each(executors.set_up)
    after_each(executors.clean_up)
    body()
  end)
end

for _, executor in ipairs { "thread", "process" } do
  spec_of("a worker with a limit of memory, executor = " .. executor, function()
    local function hog(memory)
      return tree(worker(executor, ('name = "hog", module = "hog", restart = "temporary"%s'):format(memory)))
    end

    it("ends by memory, and nobody else notices", function()
      local process = start(hog ', memory = "8MB"')
      assert.equal(0, process:wait(20), process:output())
      assert.truthy(process:stdout():find("exit root/hog: memory: not enough memory (memory)", 1, true),
        process:output())
    end)

    it("runs to its end without one (the control)", function()
      local process = start(hog "")
      assert.equal(0, process:wait(20))
      assert.truthy(process:stdout():find("exit root/hog: normal (normal)", 1, true), process:output())
    end)
  end)
end

spec_of("a worker that sits in C", function()
  local function stuck(executor, keys)
    return tree(worker(executor, 'name = "w", module = "stuck", ' .. keys))
  end

  it("on a thread is abandoned; a second one starts when the first has ended", function()
    local go = executors.directory() .. "/go"
    assert.equal(0, (host.run({ go }, nil, 10, { command = { "mkfifo" } })))
    local process = start(stuck("thread", 'args = { fifo = "go", generation = 1 }'))
    process:expect "exit root/w: abandoned: it sits in a call that cannot be interrupted %(abandoned%)"
    process:expect "root/w waits for the abandoned generation 1 to end"
    host.write(go, "")
    process:expect "root/w the abandoned generation 1 has ended"
    process:expect("root/w starting %-> running %(run%)", 10, 2)
    assert.equal(0, process:stop())
    local said = process:stderr()
    assert.truthy(said:find "waits for the abandoned.*has ended.*root/w starting %-> running", said)
  end)

  it("on a thread is started again at once if a policy of the script's own says so, knowing it", function()
    local process = start([[
      local function policy(exit) return exit.kind == "abandoned" and "restart" or "stop" end
      ]] .. stuck("thread", 'args = { ms = 60000, generation = 1 }, restart = policy'))
    process:expect "exit root/w: abandoned"
    process:expect("root/w starting %-> running %(run%)", 10, 2)
    assert.equal(0, process:stop())
    assert.is_nil(process:output():find("waits for the abandoned", 1, true))
  end)

  it("in a process is killed, for its heartbeat", function()
    local process = start(stuck("process", 'args = { ms = 60000, generation = 1 }'))
    process:expect "exit root/w: timeout: heartbeat: its turn has not ended for [^\n]* %(timeout%)"
    process:expect("root/w starting %-> running %(run%)", 10, 2)
    assert.equal(0, process:stop())
  end)

  local function callback(executor, ms)
    return "luvisor.defaults { heartbeat = 1, stall = 0.2, kill = 0.1 }\n"
      .. tree(worker(executor, ('name = "w", module = "callback", args = { ms = %d }'):format(ms)))
  end

  it("in a process, in a callback, is killed", function()
    local process = start(callback("process", 60000))
    process:expect "exit root/w: timeout: stall: its callback has not ended for [^\n]* %(timeout%)"
    process:expect("root/w starting %-> running %(run%)", 10, 2)
    assert.equal(0, process:stop())
  end)

  it("on a thread, in a callback, is abandoned", function()
    local process = start(callback("thread", 60000))
    process:expect "exit root/w: abandoned: it sits in a call that cannot be interrupted %(abandoned%)"
    assert.equal(0, process:stop())
  end)

  it("in a callback for a moment is left alone (the control)", function()
    local process = start(callback("process", 400))
    process:expect "root/w is back from C"
    assert.equal(0, process:stop())
    assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
  end)

  for _, executor in ipairs { "thread", "process" } do
    it("but beats is let run, executor = " .. executor, function()
      local process = start(stuck(executor, 'args = { ms = 150, times = 8, beats = true, generation = 1 }'))
      process:expect "root/w is back from C"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
    end)
  end

  it("on a thread does not hold up the end of the host", function()
    local process = start(stuck("thread", "args = { ms = 60000 }, shutdown = 0.2"))
    process:expect "root/w goes into C"
    assert.equal(0, process:stop())
    assert.truthy(process:stdout():find("exit root/w: abandoned", 1, true), process:output())
  end)
end)

spec_of("a thread that is begun ahead", function()
  -- tids by the names of a host's threads
  local function threads(process)
    local list, place = {}, ("/proc/%d/task/"):format(process.pid)
    for _, tid in ipairs(host.entries(place)) do
      local name = host.read(place .. tid .. "/comm")
      if name then list[name:match "[^\n]*"] = tid end
    end
    return list
  end

  it("is the one on which the next worker runs", function()
    local process = start(tree(worker("thread", 'name = "w", module = "plain", args = {}')))
    process:expect "third turn"
    local ahead = host.wait_until(function() return threads(process).guest end, 10)
    assert.equal(0, (process:client { "restart", "--name", executors.name(), "root/w" }))
    process:expect("third turn", 10, 2)
    assert.truthy(ahead)
    assert.equal(ahead, threads(process).w)
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "coroutine", "process" } do
    it("is not there where no worker runs on a thread (the control), executor = " .. executor, function()
      local process = start(tree(worker(executor, 'name = "w", module = "plain", args = {}')))
      process:expect "third turn"
      host.stay(0.2)
      assert.is_nil(threads(process).guest)
      assert.equal(0, process:stop())
    end)
  end

  it("has the worker's limit of memory", function()
    local process = start(tree(worker("thread",
      'name = "hog", module = "hog", memory = "8MB", backoff = { min = 0.5, max = 0.5, jitter = 0 }')))
    process:expect("exit root/hog: memory: not enough memory %(memory%)", 20, 2)
    assert.equal(0, process:stop())
  end)
end)

spec_of("a process", function()
  it("runs its worker though nothing could be unpacked for it beforehand", function()
    local library = executors.directory() .. "/lua"
    assert.equal(0, (host.run({ "-r", host.root .. "/lua", library }, nil, 10, { command = { "cp" } })))
    host.write(library .. "/edge/guest/shelf.lua", "return { fd = function() end }")
    executors.write(tree(worker("process", 'name = "w", module = "plain", args = {}')))
    local process = host.spawn({ "run", "--name", executors.name(), "tree.lua" }, { LUVISOR_LUA = library },
      { cwd = executors.directory() })
    process:expect "root/w third turn"
    assert.equal(0, process:stop())
    assert.equal(0, process:count "root/w ended", process:output())
  end)
end)

spec_of("a process that ends itself", function()
  local function dies(how)
    local process = start(tree(worker("process",
      ('name = "w", module = "dies", args = { how = %q }, restart = "temporary"'):format(how))))
    assert.equal(0, process:wait(10))
    return process:stdout()
  end

  it("by os.exit is told as an exit", function()
    assert.truthy(dies("exit"):find("exit root/w: exit 7 (exit)", 1, true))
    assert.truthy(dies("zero"):find("exit root/w: exit 0: its process ended without saying why (exit)", 1, true))
  end)

  it("by a crash is told as a signal", function()
    assert.truthy(dies("sigabrt"):find "exit root/w: signal 6 %(SIGABRT[^\n]*%(signal%)")
    assert.truthy(dies("sigkill"):find("exit root/w: signal 9 (SIGKILL) (signal)", 1, true))
  end)

  it("on a thread cannot: os.exit is refused", function()
    local process = start(tree(worker("thread", 'name = "w", module = "dies", args = { how = "exit" }, '
      .. 'restart = "temporary"')))
    assert.equal(0, process:wait(10))
    assert.truthy(process:stdout():find "exit root/w: error: [^\n]*os.exit: would end the host")
  end)
end)
