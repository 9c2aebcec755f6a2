-- SPDX-License-Identifier: Apache-2.0
-- The web example and the example of jobs by the clock.

local host = require "host"
local uv = require "luv"

local function get(port)
  local pipe = assert(io.popen(("python3 -c 'import urllib.request;"
    .. "print(urllib.request.urlopen(\"http://127.0.0.1:%d/\", timeout=10).read().decode())' 2>&1"):format(port)))
  local text = pipe:read "a"
  pipe:close()
  return text
end

-- Three free ports side by side.
local function free_ports()
  for _ = 1, 50 do
    local port = host.free_port()
    local sockets, all = {}, port + 2 < 65536
    for i = 0, 2 do
      sockets[i] = uv.new_tcp()
      all = all and sockets[i]:bind("127.0.0.1", port + i) == 0 and sockets[i]:listen(1, function() end) == 0
    end
    for i = 0, 2 do sockets[i]:close() end
    if all then return port end
  end
end

describe("example", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  it("web: serves after the migration, is deployed one by one, and is told of a change", function()
    local port = assert(free_ports())
    local tree = host.spawn({ "run", "examples/web/tree.lua" }, { WEB_PORT = tostring(port), WEB_DIR = directory })
    tree:expect("shop/web:%d STARTING %-> RUNNING", 30, 3)
    assert.truthy(tree:output():find "migrate ended.*web:0 STOPPED %-> STARTING")
    assert.truthy(get(port):find "hello from %d+")
    tree:expect("shop/deploy new %-> running", 10)
    host.write(directory .. "/greeting.txt", "good day")
    host.write(directory .. "/deploy", "")
    tree:expect("deploy 3 servers restarted", 60)
    assert.equal(3, tree:count "web:%d drains")
    assert.truthy(get(port + 2):find "good day from %d+")
    assert.equal(0, tree:stop(30))
    assert.truthy(host.read(directory .. "/web-0.log"):find "greeting: hello\n.*greeting: good day\n")
  end)

  it("cron: runs its jobs again and again, and tells who failed", function()
    local tree = host.spawn { "run", "examples/cron.lua" }
    tree:expect("\ntick | tick\n", 20, 2)
    tree:expect("fails failed: exit 1; somebody should know", 20, 2)
    tree:expect "\nonce | after the first tick\n"
    assert.equal(0, tree:stop())
    assert.equal(1, tree:count "\nonce | after")
  end)
end)
