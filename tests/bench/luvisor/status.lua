-- SPDX-License-Identifier: Apache-2.0
-- How long a client waits for the status of N units, and for as many bytes from a socket that does nothing else: the
-- two in turn, SAMPLES times. Then the same wait while a reload that restarts all of them is always under way, and a
-- client that hears everything never reads. usage: luvisor lua status.lua N SAMPLES

local here = arg[0]:match "^(.*)/" or "."
package.path = here .. "/?.lua;" .. package.path

local bench = require "bench"
local client = require "client"

local UNITS, SAMPLES = bench.argument(1, 1000), bench.argument(2, 200)
local ask, connect, cpu_of, REQUEST = client.ask, client.connect, client.cpu_of, client.STATUS

local TREE = [[
local luvisor = require "luvisor"
local definition = require("luvisor.worker").define()
definition:actor("running", { every = 0.5 }, function(self) return self.stopping and "complete" or "keepalive" end)
local children = {}
for i = 1, %d do children[i] = luvisor.worker { name = "w" .. i, module = definition, args = { %d } } end
return luvisor.supervisor { name = "top", children = children }
]]

-- Echoes lines of a given length: "N\n" is answered with N bytes.
local ECHO = [[
local uv = require "luv"
local server = uv.new_pipe(false)
assert(server:bind(arg[1]))
server:listen(8, function()
  local pipe = uv.new_pipe(false)
  server:accept(pipe)
  local text
  pipe:read_start(function(_, chunk)
    if not chunk then return pipe:close() end
    local size = tonumber(chunk:match "%d+")
    if not text or #text ~= size then text = ("x"):rep(size - 1) .. "\n" end
    pipe:write(text)
  end)
end)
]]

local function deafen(path)
  local deaf = connect(path)
  deaf.pipe:read_stop()
  deaf.pipe:write('{"jsonrpc":"2.0","id":1,"method":"events"}\n' .. REQUEST:rep(40))
end

-- Reloads again and again, each of which restarts everything; returns how many so far.
local function keep_reloading(path)
  local version, self = 1, connect(path)
  local function reload()
    version = version + 1
    client.write("tree.lua", TREE:format(UNITS, version))
    self.pipe:write('{"jsonrpc":"2.0","id":1,"method":"reload"}\n')
  end
  self.on_answer = reload
  reload()
  return function() return version - 2 end
end

local path, pid = client.run(TREE:format(UNITS, 1))
client.spawn("lua", client.write("echo.lua", ECHO), client.directory .. "/echo.sock")
local host, echo = connect(path), connect(client.directory .. "/echo.sock")
local status, raw = {}, {}
for _ = 1, 10 do ask(host, REQUEST) end
local used = 0
for i = 1, SAMPLES do
  local before = cpu_of(pid)
  local length
  status[i], length = ask(host, REQUEST)
  used = used + cpu_of(pid) - before
  raw[i] = ask(echo, length .. "\n")
end
deafen(path)
local reloads, busy = keep_reloading(path), {}
while #busy < SAMPLES or reloads() == 0 do busy[#busy + 1] = ask(host, REQUEST) end
client.clean_up()
bench.report("status.p50", bench.percentile(status, 0.5), "ms")
bench.report("status.p99", bench.percentile(status, 0.99), "ms")
bench.report("status.busy_p99", bench.percentile(busy, 0.99), "ms")
bench.report("status.busy_most", bench.percentile(busy, 1), "ms")
bench.report("status.raw_p99", bench.percentile(raw, 0.99), "ms")
bench.report("status.cpu", used / SAMPLES, "ms")
bench.report("status.ratio", bench.percentile(status, 0.5) / bench.percentile(raw, 0.5), "x")
os.exit(0)
