-- SPDX-License-Identifier: Apache-2.0
-- One behaviour on every executor: the same worker modules, the same tree, and where they run is one word.

local host = require "host"

local MODULES = {}

MODULES.plain = [[
local worker = require "luvisor.worker"
local Plain = worker.define()
Plain:actor("starting", function(self)
  self.log:info("says generation %d, path %s, name %s, state %s, args %s %s, stopping %s", self.generation, self.path,
    self.name, self.state, self.args.text, math.type(self.args.number), tostring(self.stopping))
  return "run"
end)
Plain:actor("running", { every = 0.02 }, function(self)
  self.turns = (self.turns or 0) + 1
  if self.turns == 3 then self.log:info("third turn") end
  if self.stopping then
    self.log:info("takes its leave")
    return "complete"
  end
  return "keepalive"
end)
return Plain
]]

MODULES.ends = [[
local worker = require "luvisor.worker"
local Ends = worker.define()
Ends:actor("starting", function(self) return "run" end)
Ends:actor("running", { every = 0.02 }, function(self)
  if self.args.how == "error" then error("as ordered") end
  if self.args.how == "table" then error(setmetatable({}, { __tostring = function() return "an object" end })) end
  return self.args.how
end)
Ends:leave("running", "error", function(self, exit) self.log:info("hook saw %s", exit.kind) end)
return Ends
]]

MODULES.slow = [[
local worker = require "luvisor.worker"
local uv = require "luv"
local Slow = worker.define { fsm = require("luvisor").fsm {
  initial = "starting",
  transitions = { starting = { run = "running" }, running = { complete = require("luvisor").fsm.OK } },
  timeouts = { heartbeat = { running = 0.3 } },
} }
Slow:actor("starting", function(self)
  self.log:info("starts to %s", self.args.phase)
  if self.args.phase == "start" then self:sleep(100) end
  return "run"
end)
Slow:actor("running", { every = 0.02 }, function(self)
  local guard <close> = setmetatable({}, { __close = function() self.log:info("cleans up") end })
  self.log:info("is in its actor")
  if self.args.phase == "await" then
    local timer = uv.new_timer()
    self:await(timer.start, timer, 100000, 0)
  end
  if self.args.phase == "deaf" then
    while true do pcall(self.sleep, self, 0.05); self:beat() end
  end
  if self.args.phase == "sleep" then self:sleep(self.args.seconds or 100) end
  return self.stopping and "complete" or "keepalive"
end)
return Slow
]]

local HEAD = [[
local luvisor = require "luvisor"
luvisor.on("exit", function(event)
  io.stdout:write(("exit %s: %s (%s)\n"):format(event.unit, tostring(event.exit), event.exit.kind))
  io.stdout:flush()
end)
luvisor.on("transition", function(event)
  io.stdout:write(("event %s %s -> %s\n"):format(event.unit, event.from, event.to))
  io.stdout:flush()
end)
]]

local directory, remove_directory

local function start(body)
  host.write(directory .. "/tree.lua", HEAD .. body)
  return host.spawn({ "run", "--name", "executors-" .. directory:match "[^/]*$", "tree.lua" }, nil, { cwd = directory })
end

local function worker(executor, keys)
  return ('luvisor.worker { executor = %s, %s }'):format(executor, keys)
end

local function tree(children, keys)
  return ('return luvisor.supervisor { name = "root", %s children = { %s } }'):format(keys and keys .. "," or "",
    children)
end

for _, executor in ipairs { '"coroutine"', '"thread"', '"process"' } do
  describe("a worker with executor = " .. executor, function()
    before_each(function()
      directory, remove_directory = host.directory()
      for name, text in pairs(MODULES) do host.write(directory .. "/" .. name .. ".lua", text) end
    end)

    after_each(function()
      host.clean_up()
      remove_directory()
    end)

    it("runs, has the same self, and stops", function()
      local process = start(tree(worker(executor, 'name = "w", module = "plain", args = { text = "ü", number = 3 }')))
      process:expect "root/w says generation 1, path root/w, name w, state starting, args ü integer, stopping false"
      process:expect "third turn"
      assert.equal(0, process:stop())
      assert.truthy(process:output():find("takes its leave", 1, true))
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
      assert.truthy(process:stdout():find("event root/w starting -> running", 1, true))
      assert.truthy(process:stdout():find("event root/w running -> terminating", 1, true))
    end)

    it("ends by itself: well, failed, and by an error with its hooks and its line", function()
      local process = start(tree(table.concat({
        worker(executor, 'name = "well", module = "ends", args = { how = "complete" }'),
        worker(executor, 'name = "error", module = "ends", args = { how = "error" }, restart = "temporary"'),
        worker(executor, 'name = "object", module = "ends", args = { how = "table" }, restart = "temporary"'),
      }, ",")))
      assert.equal(0, process:wait(10))
      local said = process:stdout()
      assert.truthy(said:find("exit root/well: normal (normal)", 1, true), process:output())
      assert.truthy(said:find "exit root/error: error: [^\n]*ends.lua:5: as ordered %(error%)", said)
      assert.truthy(said:find("exit root/object: error: an object (error)", 1, true))
      assert.truthy(process:stderr():find("hook saw error", 1, true))
    end)

    it("is restarted by the intensity of its supervisor, each generation wholly after the other", function()
      local process = start(tree(worker(executor, 'name = "w", module = "ends", args = { how = "error" }'),
        "intensity = { restarts = 2, within = 60 }"))
      assert.equal(1, process:wait(10))
      local _, exits = process:stdout():gsub("exit root/w: error", "")
      assert.equal(3, exits)
      assert.truthy(process:stderr():find("more than 2 restarts within", 1, true))
    end)

    it("asks a policy of the script's own, which sees the exit", function()
      local process = start(([[
        local function policy(exit, history)
          io.stdout:write("policy: ", exit.kind, " ", tostring(exit.traceback ~= nil), "\n")
          io.stdout:flush()
          if #history < 2 then return "restart", 0.01 end
          return "stop"
        end
        return luvisor.supervisor { name = "root", children = {
          luvisor.worker { name = "w", module = "ends", executor = %s, args = { how = "error" }, restart = policy } } }
      ]]):format(executor))
      assert.equal(0, process:wait(10))
      assert.equal(2, process:count "policy: error true")
    end)

    it("that does not start in time ends so, and stops in that phase", function()
      local process = start(tree(
        worker(executor, 'name = "late", module = "slow", args = { phase = "start" }, start_timeout = 0.2, '
          .. 'restart = "temporary", backoff = true')
        .. "," .. worker(executor, 'name = "w", module = "slow", args = { phase = "start" }')))
      process:expect "exit root/late: timeout: start 200 ms in starting %(timeout%)"
      process:expect("starts to start", 10, 2)
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: shutdown (shutdown)", 1, true), process:output())
    end)

    it("that waits when its heartbeat is due is cancelled and cleans up; one that sleeps is stopped", function()
      local process = start(tree(
        worker(executor, 'name = "hangs", module = "slow", args = { phase = "await" }, restart = "temporary"')
        .. "," .. worker(executor, 'name = "sleeps", module = "slow", args = { phase = "sleep", seconds = 0.2 }')))
      process:expect "exit root/hangs: timeout: heartbeat 300 ms in running %(timeout%)"
      assert.truthy(process:stderr():find("root/hangs cleans up", 1, true))
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/sleeps: shutdown (shutdown)", 1, true), process:output())
    end)

    it("that will not stop is killed when its shutdown is over", function()
      local process = start(tree(
        worker(executor, 'name = "deaf", module = "slow", args = { phase = "deaf" }, shutdown = 0.3')))
      process:expect "deaf is in its actor"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/deaf: killed: did not stop within 0.3 s (killed)", 1, true),
        process:output())
    end)

    it('with shutdown = "kill" is killed at once', function()
      local process = start(tree(
        worker(executor, 'name = "w", module = "slow", args = { phase = "sleep" }, shutdown = "kill"')))
      process:expect "w is in its actor"
      assert.equal(0, process:stop())
      assert.truthy(process:stdout():find("exit root/w: killed (killed)", 1, true), process:output())
    end)
  end)
end
