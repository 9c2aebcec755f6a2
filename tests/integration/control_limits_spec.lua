-- SPDX-License-Identifier: Apache-2.0
-- What bounds a client of the control socket, each bound with its control: the same client with the bound taken away.

local connected = require "connected"
local connection = require "luvisor.edge.control.connection"
local host = require "host"
local uv = require "luv"

local altered = connected.altered

describe("a connection", function()
  local pair, far, near, lines

  before_each(function()
    pair = connected.pair()
    far, lines = pair.far, pair.lines
  end)
  after_each(function() pair:close() end)

  local function connect(module) near = pair:connect(module) end

  local function listen()
    local told = {}
    far:read_start(function(_, chunk) told[#told + 1] = chunk or "END" end)
    return function() return table.concat(told) end
  end

  local function is_over(told)
    return told():find "END$"
  end

  -- How many of 40 subscriptions it takes, and what is left of them when it is closed.
  local function subscriptions(module)
    connect(module)
    local taken, open, message, code = 0, 0, nil, nil
    for _ = 1, 40 do
      local ok, text, word = near:subscribe(function()
        open = open + 1
        return function() open = open - 1 end
      end)
      if ok then taken = taken + 1 else message, code = text, word end
    end
    assert.equal(taken, open)
    near:close()
    assert.equal(0, open)
    return taken, message, code
  end

  it("has 16 subscriptions, which end with it", function()
    local taken, message, code = subscriptions(connection)
    assert.equal(16, taken)
    assert.equal("a connection has at most 16 subscriptions; open another one", message)
    assert.equal("LIMIT", code)
  end)

  it("has as many as anybody wants without the bound: the control arm", function()
    assert.equal(40, (subscriptions((altered("control/connection", "SUBSCRIPTIONS = 16", "SUBSCRIPTIONS = 1000")))))
  end)

  it("waits 5 s for the rest of a line, and takes 1 MiB", function()
    assert.equal(5, connection.PATIENCE)
    assert.equal(1024 * 1024, connection.LONGEST)
  end)

  -- One byte after the other: each is in time, the line is not.
  local function dribble()
    local timer = uv.new_timer()
    timer:start(0, 50, function() far:write "x" end)
    return function() timer:close() end
  end

  it("ends when a line is not whole in time", function()
    connect(altered("control/connection", "connection.PATIENCE = 5", "connection.PATIENCE = 0.5"))
    local told, stop = listen(), dribble()
    local ended = host.wait_until(function() return is_over(told) end, 20)
    stop()
    assert.truthy(ended)
    assert.truthy(told():find("whole within 0.5 s", 1, true))
  end)

  it("waits as long as it likes without that bound", function()
    connect(altered("control/connection", "connection.PATIENCE = 5", "connection.PATIENCE = 1e6"))
    local told, stop = listen(), dribble()
    host.stay(1.5)
    stop()
    assert.equal("", told())
    far:write "\n"
    assert.truthy(host.wait_until(function() return lines[1] end, 10))
  end)

  it("may be idle between lines", function()
    connect(altered("control/connection", "connection.PATIENCE = 5", "connection.PATIENCE = 0.1"))
    local told = listen()
    far:write "one\n"
    host.stay(0.5)
    far:write "two\n"
    assert.truthy(host.wait_until(function() return lines[2] end, 10))
    assert.equal("", told())
  end)

  local function pour(megabytes)
    local piece = ("x"):rep(65536)
    for _ = 1, megabytes * 16 do far:write(piece) end
  end

  it("ends when a line is too long, whether it ends or not", function()
    connect(connection)
    local told = listen()
    pour(3)
    assert.truthy(host.wait_until(function() return is_over(told) end, 20))
    assert.truthy(told():find("at most 1048576 bytes", 1, true))
    assert.is_true(near.pending <= connection.LONGEST + 65536)
  end)

  it("takes whatever comes without that bound", function()
    connect(altered("control/connection", "connection.LONGEST = 1024 * 1024", "connection.LONGEST = math.huge"))
    local told = listen()
    pour(3)
    far:write "\n"
    assert.truthy(host.wait_until(function() return lines[1] end, 20))
    assert.equal(3 * 1024 * 1024, #lines[1])
    assert.equal("", told())
  end)

  local function shout()
    for _ = 1, 8192 do near:notify("event", { text = ("x"):rep(1024) }) end
    return near.pipe:get_write_queue_size()
  end

  it("keeps 1 MiB for a client that does not read, and counts the rest", function()
    connect(connection)
    assert.is_true(shout() < 1024 * 1024 + 4096)
    assert.is_true(near.dropped > 6000)
    local told = listen()
    assert.truthy(host.wait_until(function() return told():find '"method":"dropped"' end, 20))
  end)

  it("would keep all of it without that bound", function()
    connect(altered("control/connection", "local BEHIND = 1024 * 1024", "local BEHIND = math.maxinteger"))
    assert.is_true(shout() > 4 * 1024 * 1024)
    assert.equal(0, near.dropped)
  end)
end)

describe("a host", function()
  local directory, process, pipes

  before_each(function()
    directory = host.directory()
    pipes = {}
    host.write(directory .. "/tree.lua", [[
      local luvisor = require "luvisor"
      return luvisor.supervisor { name = "top", children = {} }]])
  end)
  after_each(function()
    for _, pipe in ipairs(pipes) do pipe:close() end
    process:stop()
    host.clean_up()
  end)

  -- How many of so many clients get an answer.
  local function answered(count, library)
    process = host.spawn({ "run", "--log-level", "none", "tree.lua" }, { LUVISOR_LUA = library }, { cwd = directory })
    assert(host.wait_until(function() return uv.fs_stat(process:socket()) end, 10))
    local results, good = 0, 0
    local function ask(i)
      if i > count then return end
      local pipe = uv.new_pipe(false)
      pipes[i] = pipe
      pipe:connect(process:socket(), function(err)
        assert(not err, err) -- whoever finds the socket is let in
        pipe:write '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
        pipe:read_start(function(_, chunk)
          if not chunk then return end
          results = results + 1
          if chunk:find '"result"' then good = good + 1 end
          pipe:read_stop()
          ask(i + 1)
        end)
      end)
    end
    ask(1)
    assert(host.wait_until(function() return results == count end, 30), results)
    return good
  end

  it("lets 64 clients in", function() assert.equal(64, answered(80)) end)

  it("would let more in without that bound", function()
    assert.equal(0, (host.run({ "-r", host.root .. "/lua", directory .. "/lua" }, nil, 10, { command = { "cp" } })))
    local _, text = altered("control", "local MOST = 64 ", "local MOST = 1e6")
    host.write(directory .. "/lua/edge/control.lua", text)
    assert.equal(80, answered(80, directory .. "/lua"))
  end)
end)

describe("long work for a client", function()
  local function fail_in_the_second_portion(module)
    local answer, portions = nil, 0
    module.put({}, function()
      portions = portions + 1
      if portions == 2 then error "as it should" end
    end, function(...) answer = { ... } end)
    host.wait_until(function() return answer or portions == 2 end, 10)
    return answer
  end

  it("is answered when a later portion of it fails", function()
    local answer = assert(fail_in_the_second_portion(require "luvisor.edge.control.rota"))
    assert.same({ nil, "internal error, see the log of the host", "INTERNAL" }, answer)
    local silent = altered("control/rota", "work.reply(nil", "select(1")
    assert.is_nil(fail_in_the_second_portion(silent))
  end)
end)
