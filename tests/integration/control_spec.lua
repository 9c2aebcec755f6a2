-- SPDX-License-Identifier: Apache-2.0
-- The control socket: who may enter, what is on it, and what bad clients cannot do to good ones.

local account = require "host.account"
local connection = require "luvisor.edge.control.connection"
local host = require "host"
local json = require "host.json"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
local definition = require("luvisor.worker").define()
definition:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
return luvisor.supervisor { name = "top", children = {
  luvisor.worker { name = "w", module = definition },
  luvisor.program { name = "p", command = { "sleep", "600" }, ready = { after = 0 } },
} }
]]

-- A client of the tests' own: sends bytes, and keeps the messages that come.
local Client = {}
Client.__index = Client

local function connect(path)
  local self = setmetatable({ messages = {}, rest = "", pipe = uv.new_pipe(false) }, Client)
  self.pipe:connect(path, function(err) self.connected, self.failed = not err, err end)
  assert(host.wait_until(function() return self.connected or self.failed end, 10))
  return self
end

function Client:listen()
  self.pipe:read_start(function(err, chunk)
    if err or not chunk then self.closed = true return end
    self.rest = self.rest .. chunk
    local at, stop = 1, self.rest:find("\n", 1, true)
    while stop do
      self.messages[#self.messages + 1] = json.decode(self.rest:sub(at, stop - 1))
      at, stop = stop + 1, self.rest:find("\n", stop + 1, true)
    end
    self.rest = self.rest:sub(at)
  end)
  return self
end

function Client:send(text) self.pipe:write(text) end

function Client:close()
  if not self.pipe:is_closing() then self.pipe:close() end
end

function Client:next()
  self.taken = (self.taken or 0) + 1
  local function come() return self.messages[self.taken] end
  return assert(host.wait_until(come, 10), "no answer") and self.messages[self.taken]
end

function Client:call(method, params)
  self:send(json.encode { jsonrpc = "2.0", id = 1, method = method, params = params } .. "\n")
  return self:next()
end

describe("the control socket", function()
  local directory, process, clients

  local function spawn(text, env)
    host.write(directory .. "/tree.lua", text or TREE)
    local one = host.spawn({ "run", "--log-level", "warn", "tree.lua" }, env, { cwd = directory })
    assert(host.wait_until(function() return one.over or uv.fs_stat(one:socket()) end, 10))
    return one
  end

  local function client()
    local one = connect(process:socket()):listen()
    clients[#clients + 1] = one
    return one
  end

  setup(function()
    directory = host.directory()
    clients = {}
    process = spawn()
  end)
  before_each(function() assert(not process.over, process:output()) end)
  after_each(function()
    for _, one in ipairs(clients) do one:close() end
    clients = {}
    host.wait_until(function() return not next(clients) end, 1)
  end)
  teardown(function()
    process:stop()
    host.clean_up()
  end)

  it("is its owner's alone, in a directory that is, too", function()
    assert.equal(384, uv.fs_stat(process:socket()).mode & 511)
    assert.equal(448, uv.fs_stat(process.place .. "/luvisor").mode & 511)
  end)

  it("lists its methods", function()
    local result = client():call("rpc.discover").result
    local names = {}
    for _, method in ipairs(result.methods) do names[method.name] = method end
    assert.truthy(names.status and names.ping and names["rpc.discover"])
    assert.equal("string", type(names.status.summary))
    assert.equal("all brief flat timeout units usage", table.concat(names.status.params, " "))
    assert.equal("timeout", table.concat(names.ping.params, " ")) -- which all of them take
  end)

  it("answers requests in one line each, also when they come together or in pieces", function()
    local one = client()
    local request = '{"jsonrpc":"2.0","id":%d,"method":"ping"}\n'
    one:send(request:format(1) .. request:format(2))
    assert.equal(1, one:next().id)
    assert.equal(2, one:next().id)
    for byte in request:format(3):gmatch "." do
      one:send(byte)
      uv.run "nowait"
    end
    assert.equal(3, one:next().id)
    one:send '\n  \n'
    assert.equal(process.pid, one:call("ping").result.pid)
  end)
  local BAD = {
    ["{"] = -32700, ["\255"] = -32700, ["[]"] = -32600, ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]'] = -32600,
    ["1"] = -32600, ["null"] = -32600, ['{"id":1,"method":"ping"}'] = -32600, ['{"jsonrpc":"2.0","id":1}'] = -32600,
    ['{"jsonrpc":"2.0","id":{},"method":"ping"}'] = -32600, ['{"jsonrpc":"2.0","id":1,"method":1}'] = -32600,
    ['{"jsonrpc":"2.0","id":1,"method":"pin"}'] = -32601, ['{"jsonrpc":"2.0","id":1,"method":"__index"}'] = -32601,
    ['{"jsonrpc":"2.0","id":1,"method":"status.call"}'] = -32601,
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1}}'] = -32602,
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":1}'] = -32602,
    ['{"jsonrpc":"2.0","id":1,"method":"ping","params":{"timeout":0}}'] = -32602,
    ['{"jsonrpc":"2.0","id":1,"method":"status","params":{"units":"w"}}'] = -32602,
    ['{"jsonrpc":"2.0","id":1,"method":"stop","params":{"units":[]}}'] = -32602,
    ['{"jsonrpc":"2.0","id":1,"method":"status","params":{"units":["nobody"]}}'] = -32000,
  }
  for text, code in pairs(BAD) do
    it(("answers %s with %d, and goes on"):format(text, code), function()
      local one = client()
      one:send(text .. "\n")
      assert.equal(code, one:next().error.code)
      assert.equal(process.pid, one:call("ping").result.pid)
    end)
  end

  it("answers no notification", function()
    local one = client()
    one:send '{"jsonrpc":"2.0","method":"ping"}\n{"jsonrpc":"2.0","method":"nonsense"}\n'
    assert.equal(1, one:call("ping").id)
    assert.equal(1, #one.messages)
  end)

  it("ends with a client whose line has no end", function()
    local one, piece = client(), ("x"):rep(65536)
    for _ = 1, connection.LONGEST // #piece + 1 do one:send(piece) end
    assert.equal(-32600, one:next().error.code)
    assert.truthy(host.wait_until(function() return one.closed end, 10))
    assert.equal(process.pid, client():call("ping").result.pid)
  end)

  it("takes a line of that length", function()
    local line = '{"jsonrpc":"2.0","id":1,"method":"status","params":{"units":["%s"]}}'
    local one = client()
    one:send(line:format(("x"):rep(connection.LONGEST - #line + 2)) .. "\n")
    assert.equal(-32602, one:next().error.code)
    one:send(line:format(("x"):rep(connection.LONGEST - #line + 3)) .. "\n")
    assert.equal(-32600, one:next().error.code)
  end)

  it("turns the 65th client away, and lets the next one in when one has left", function()
    for _ = 1, 64 do client() end
    for _, one in ipairs(clients) do assert.truthy(one:call("ping").result) end
    local late = client()
    local refusal = late:next()
    assert.equal(-32000, refusal.error.code)
    assert.truthy(host.wait_until(function() return late.closed end, 10))
    clients[1]:close()
    local answered
    assert.truthy(host.wait_until(function()
      local one = client()
      one:send '{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
      answered = one:next().result
      if not answered then one:close() end
      return answered
    end, 10))
  end)

  it("refuses the second host of a name, and the first one stays", function()
    local code, _, err = host.run({ "run", directory .. "/tree.lua" }, { XDG_RUNTIME_DIR = process.place })
    assert.equal(3, code)
    assert.truthy(err:find("another host", 1, true), err)
    assert.equal(0, (process:client { "status" }))
  end)

  it("replaces the socket of a host that was killed", function()
    local first = spawn()
    first:signal "sigkill"
    first:wait()
    assert.truthy(uv.fs_stat(first:socket()))
    local code, _, err = first:client { "status" }
    assert.equal(4, code)
    assert.truthy(err:find("no host is running", 1, true), err)
    local second = host.spawn({ "run", "tree.lua" }, { XDG_RUNTIME_DIR = first.place }, { cwd = directory })
    second:expect "top starting %-> running"
    assert.equal(0, (second:client { "status" }))
    assert.equal(0, second:stop())
    assert.is_nil(uv.fs_stat(second:socket()))
  end)

  it("is not there when its place is not safe, and the host runs on", function()
    local place = directory .. "/unsafe"
    uv.fs_mkdir(place, 448)
    uv.fs_mkdir(place .. "/luvisor", 511)
    uv.fs_chmod(place .. "/luvisor", 511)
    local one = host.spawn({ "run", "tree.lua" }, { XDG_RUNTIME_DIR = place }, { cwd = directory })
    one:expect "others could write"
    one:expect "top starting %-> running"
    assert.is_nil(uv.fs_stat(one:socket()))
    assert.equal(4, (one:client { "status" }))
    one:stop()
  end)

  it("says when its path is too long", function()
    local long = directory .. "/" .. ("x"):rep(120)
    local code, _, err = host.run { "run", "--socket", long, directory .. "/tree.lua" }
    assert.equal(2, code)
    assert.truthy(err:find("longer than the 107 bytes", 1, true), err)
    code, _, err = host.run { "status", "--socket", long }
    assert.equal(2, code)
    assert.truthy(err:find("longer than the 107 bytes", 1, true), err)
  end)

  it("is found by --socket and LUVISOR_SOCKET", function()
    local path = directory .. "/own.sock"
    local one = host.spawn({ "run", "--socket", path, "tree.lua" }, nil, { cwd = directory })
    one:expect "top starting %-> running"
    assert.equal(0, (host.run { "status", "--socket", path }))
    assert.equal(0, (host.run({ "status" }, { LUVISOR_SOCKET = path })))
    assert.equal(4, (host.run { "status" }))
    one:stop()
  end)

  it("is found by --name", function()
    local one = host.spawn({ "run", "--name", "two", "tree.lua" }, { XDG_RUNTIME_DIR = process.place },
      { cwd = directory })
    one:expect "top starting %-> running"
    assert.equal(0, (process:client { "status", "--name", "two" }))
    local code, _, err = process:client { "status", "--name", "three" }
    assert.equal(4, code)
    assert.truthy(err:find("/three.sock); there is --name default, --name two\n", 1, true), err)
    one:stop()
  end)

  describe("between users", function()
    local NOBODY = { "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", host.binary }

    -- What is left when the permissions of socket and directory are not what they should be.
    local function open_to_all(path)
      uv.fs_chmod(path, 511)
      uv.fs_chmod(directory, 493)
    end

    local function run_as(who, args)
      local one = host.spawn(args, nil, { command = who, cwd = "/" })
      local code = one:wait(10)
      return code, one:stderr()
    end

    it("is closed to others, by its permissions and by the host itself", function()
      if account.own() ~= 0 then return end
      local path = directory .. "/mine.sock"
      local one = host.spawn({ "run", "--socket", path, "tree.lua" }, nil, { cwd = directory })
      one:expect "top starting %-> running"
      local code, err = run_as(NOBODY, { "status", "--socket", path })
      assert.equal(4, code, err)
      open_to_all(path)
      code, err = run_as(NOBODY, { "status", "--socket", path })
      assert.equal(1, code, err)
      assert.truthy(err:find("only the user of the host and root", 1, true), err)
      one:expect "user 65534 .* may not control this host"
      assert.equal(0, (host.run { "status", "--socket", path }))
      one:stop()
    end)

    it("is not spoken to when somebody else holds it", function()
      if account.own() ~= 0 then return end
      uv.fs_mkdir(directory .. "/theirs", 448)
      uv.fs_chown(directory .. "/theirs", 65534, 65534)
      uv.fs_chmod(directory, 493)
      local path = directory .. "/theirs/x.sock"
      local one = host.spawn({ "run", "--socket", path, directory .. "/tree.lua" }, { HOME = "/" },
        { command = NOBODY, cwd = "/" })
      one:expect "top starting %-> running"
      local code, _, err = host.run { "status", "--socket", path }
      assert.equal(1, code)
      assert.truthy(err:find("belongs to a process of user 65534", 1, true), err)
      assert.equal(0, (run_as(NOBODY, { "status", "--socket", path })))
      one:stop()
    end)
  end)
end)
