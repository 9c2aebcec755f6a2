-- SPDX-License-Identifier: Apache-2.0
-- Reloading trees whose units have runtimes of their own.

local host = require "host"
local json = require "host.json"

describe("a reload with executors", function()
  local directory, process

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local WORKER = [[
    local W = require("luvisor.worker").define { version = %d }
    W:actor("starting", function(self) self.data = { n = 0 } return "run" end)
    W:actor("running", { every = 0.1 }, function(self) return self.stopping and "complete" or "keepalive" end)
    W:upgrade(function(_, _, data) return data end)
    return W]]

  local TREE = [[
    local luvisor = require "luvisor"
    return luvisor.supervisor { name = "top", children = {
      luvisor.worker { name = "c", module = "c", ARGS },
      luvisor.worker { name = "t", module = "w", executor = "thread", THREAD },
      luvisor.worker { name = "p", module = "w", executor = "process", PROCESS },
      luvisor.supervisor { name = "s", executor = "thread", SUBTREE, children = {
        luvisor.worker { name = "a", module = "w", INSIDE }, luvisor.worker { name = "b", module = "w" } } },
    } }]]

  local function write(keys)
    host.write(directory .. "/tree.lua", (TREE:gsub("%u%u%u%u+", function(word) return keys[word] or "nil" end)))
  end

  local function luvisor(command, ...)
    return host.run({ command, "--socket", directory .. "/host.sock", ... }, nil, 60)
  end

  local function generations()
    local list = {}
    local _, out = luvisor("status", "--json")
    for _, unit in ipairs(json.decode(out).units) do
      if unit.path ~= "top" then list[#list + 1] = unit.name .. unit.generation end
    end
    return table.concat(list, " ")
  end

  local function start()
    host.write(directory .. "/c.lua", WORKER:format(1))
    host.write(directory .. "/w.lua", WORKER:format(1))
    write {}
    process = host.spawn({ "run", "--socket", directory .. "/host.sock", "tree.lua" }, nil, { cwd = directory })
    process:expect("top starting %-> running", 30)
  end

  local function reload_says(expected)
    local code, out, err = luvisor "reload"
    assert.equal(0, code, err)
    assert.equal(expected, out)
  end

  it("touches none that is the same: the control arm", function()
    start()
    reload_says "nothing has changed\n"
    write { ARGS = "args = { 1 }" }
    reload_says "~ top/c  upgrade (args changed)\n"
    assert.equal("c1 t1 p1 s1 a1 b1", generations())
    assert.equal(0, process:stop())
  end)

  it("changes just those that have changed, in their own runtimes", function()
    start()
    write { THREAD = "args = { 1 }" }
    reload_says "~ top/t  upgrade (args changed)\n"
    write { THREAD = "args = { 1 }", PROCESS = "backoff = { min = 0.7 }, shutdown = 9" }
    reload_says "~ top/p  changed in place: backoff, shutdown\n"
    local keys = { SUBTREE = "intensity = { restarts = 9 }, strategy = 'one_for_all'" }
    write(keys)
    luvisor "reload"
    process:expect "reload: ~ top/s  changed in place: intensity, strategy"
    keys.INSIDE = "shutdown = 3"
    write(keys)
    reload_says "~ top/s/a  changed in place: shutdown\n"
    assert.equal("c1 t1 p1 s1 a1 b1", generations())
    assert.equal(0, process:stop())
  end)

  it("restarts those whose runtime has to be another one: the control arm", function()
    start()
    write { THREAD = "memory = '64MB'", PROCESS = "nice = 3", SUBTREE = "memory = '64MB'" }
    reload_says("! top/t  restart (memory changed)\n! top/p  restart (nice changed)\n"
      .. "! top/s  restart (memory changed)\n")
    for _, name in ipairs { "t", "p", "s" } do process:expect(("top/%s starting %%-> running"):format(name), 20, 2) end
    assert.equal("c1 t2 p2 s2 a1 b1", generations())
    assert.equal(0, process:stop())
  end)

  it("and live edits of what lies within touch only that, last through a restart, and end with a reload", function()
    start()
    assert.equal(0, (luvisor("set", "top/t", "backoff.max", "9")))
    for _, edit in ipairs { { "set", "top/s", "intensity.restarts", "9" }, { "set", "top/s/a", "shutdown", "9" } } do
      local code, _, err = luvisor(table.unpack(edit))
      assert.equal(0, code, err)
    end
    assert.equal("c1 t1 p1 s1 a1 b1", generations())
    local code, _, err = luvisor("set", "top/s/a", "args", "9")
    assert.equal(1, code)
    assert.truthy(err:find('"args" cannot be changed in place', 1, true), err)
    assert.truthy(select(2, luvisor "status"):find "a +[^\n]*drift: shutdown set")
    assert.equal(0, (luvisor("remove", "top/s/b")))
    assert.equal("c1 t1 p1 s1 a1", generations())
    assert.equal(0, (luvisor("restart", "top/s")))
    assert.equal("c1 t1 p1 s2 a1", generations())
    reload_says("~ top/t  changed in place: backoff\n~ top/s  changed in place: intensity\n"
      .. "~ top/s/a  changed in place: shutdown\n+ top/s/b  added\n")
    assert.equal("c1 t1 p1 s2 a1 b1", generations())
    assert.equal(0, process:stop())
  end)

  for _, executor in ipairs { "thread", "process" } do
    it("and live edits scale a program within, executor = " .. executor, function()
      host.write(directory .. "/tree.lua", ([[
        local luvisor = require "luvisor"
        return luvisor.supervisor { name = "top", children = {
          luvisor.supervisor { name = "s", executor = %q, children = {
            luvisor.program { name = "web", command = "sleep 600", count = 2, ready = { after = 0 } } } } } }
      ]]):format(executor))
      process = host.spawn({ "run", "--socket", directory .. "/host.sock", "tree.lua" }, nil, { cwd = directory })
      process:expect("top starting %-> running", 30)
      local function scale(count) return luvisor("scale", "s/web", tostring(count)) end
      assert.same({ 0, "+ top/s/web:2  added\n", "" }, { scale(3) })
      assert.equal("s1 web:01 web:11 web:21", generations())
      assert.truthy(select(2, luvisor "status"):find "web:2 +[^\n]*drift: added")
      assert.equal(0, (luvisor("restart", "s")))
      assert.equal("s2 web:01 web:11 web:21", generations())
      assert.same({ 0, "- top/s/web:1  removed\n- top/s/web:2  removed\n", "" }, { scale(1) })
      assert.equal("s2 web:01", generations())
      reload_says "+ top/s/web:1  added\n"
      assert.equal("s2 web:01 web:11", generations())
      assert.equal(0, process:stop())
    end)
  end
end)
