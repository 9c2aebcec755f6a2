-- SPDX-License-Identifier: Apache-2.0
-- What the host lives through: missing descriptors, long turns, code that stops the loop.

local host = require "host"

describe("the host", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function run(text)
    host.write(directory .. "/tree.lua", text)
    return host.spawn { "run", directory .. "/tree.lua" }
  end

  local HEAD = [[
    local luvisor, worker, uv = require "luvisor", require "luvisor.worker", require "luv"
    local function define(fn)
      local definition = worker.define()
      definition:actor("running", { every = 0.1 }, function(self)
        if self.stopping then return "complete" end
        self.n = (self.n or 0) + 1
        if self.n == 3 and self.generation == 1 then fn(self) end
        return "keepalive"
      end)
      return definition
    end
  ]]

  it("runs without stdin, stdout and stderr #valgrind", function()
    for _, closed in ipairs { "<&-", ">&-", "2>&-", "<&- >&- 2>&-" } do
      local command = ("exec %s version %s"):format(host.binary, closed)
      local process = host.spawn({ "-c", command }, nil, { command = { "sh" } })
      assert.same({ 0, 0 }, { process:wait(10) })
    end
  end)

  it("keeps uv.stop, uv.run and uv.walk from the workers", function()
    local process = run(HEAD .. [[
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "stop", module = define(function() uv.stop() end) },
        luvisor.worker { name = "run", module = define(function() uv.run "once" end) },
        luvisor.worker { name = "walk", module = define(function() uv.walk(print) end) },
      } }
    ]])
    for _, name in ipairs { "stop", "run", "walk" } do
      process:expect(("top/%s ended: error: [^\n]*uv.%s: the loop is the host's, restarts"):format(name, name))
    end
    process:signal "sigterm"
    assert.same({ 0, 0 }, { process:wait(10) })
  end)

  it("does not count the time in a subscriber against anybody", function()
    local process = run(HEAD .. [[
      luvisor.on("exit", function(event) if event.unit == "top/c" then os.execute "sleep 3" print "slept" end end)
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "a", module = define(function() end) },
        luvisor.worker { name = "c", module = define(function() error "boom" end) },
      } }
    ]])
    process:expect("slept", 15)
    host.stay(1)
    assert.equal(0, process:count "top/a ended")
    process:signal "sigterm"
    assert.same({ 0, 0 }, { process:wait(10) })
  end)

  it("hears the beats in a long turn, and blames only who did not beat", function()
    local process = run(HEAD .. [[
      return luvisor.supervisor { name = "top", children = {
        luvisor.worker { name = "beats", module = define(function(self)
          for _ = 1, 6 do os.execute "sleep 0.5" self:beat() end
        end) },
        luvisor.worker { name = "extends", module = define(function(self) self:extend(10) os.execute "sleep 2.5" end) },
        luvisor.worker { name = "hogs", module = define(function() os.execute "sleep 2.5" end) },
      } }
    ]])
    process:expect("top/hogs ended: timeout: heartbeat 2 s in running", 20)
    host.stay(1)
    assert.same({ 0, 0 }, { process:count "top/beats ended", process:count "top/extends ended" })
    process:signal "sigterm"
    assert.same({ 0, 0 }, { process:wait(10) })
  end)
end)
