-- SPDX-License-Identifier: Apache-2.0
-- The command line, from outside.

local host = require "host"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.worker { name = "one", module = "one", after = { prog = "ready" }, critical = true },
  luvisor.program { name = "prog", command = { "touch", "started" }, restart = "transient" },
  luvisor.supervisor { name = "pool", strategy = "simple_one_for_one",
    template = luvisor.worker { name = "each", module = "one", restart = "temporary" } },
  luvisor.supervisor { name = "later", autostart = false, strategy = "rest_for_one",
    intensity = { restarts = 1, within = 90 }, children = {} },
} }
]]

local WORKER = [[
local worker = require("luvisor.worker").define()
worker:actor("running", { every = 1 }, function(self) return self.stopping and "complete" or "keepalive" end)
return worker
]]

describe("luvisor", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function put(name, text)
    host.write(directory .. "/" .. name, text)
    return directory .. "/" .. name
  end

  local function check_usage(args, ...)
    local code, out, err = host.run(args)
    assert.equal(2, code, err)
    assert.equal("", out)
    for _, text in ipairs { ... } do assert.truthy(err:find(text, 1, true), err) end
    assert.truthy(err:find("^luvisor: "), err)
    return err
  end

  it("tells its version #valgrind", function()
    for _, word in ipairs { "version", "--version", "-v" } do
      local code, out, err = host.run { word }
      assert.same({ 0, "" }, { code, err })
      assert.truthy(out:find "^luvisor %d+%.%d+%.%d+\n$")
    end
  end)

  it("helps #valgrind", function()
    local code, out = host.run { "--help" }
    assert.equal(0, code)
    for _, command in ipairs { "run TREE.lua", "check TREE.lua", "lua FILE", "version" } do
      assert.truthy(out:find(command, 1, true), command)
    end
    for _, word in ipairs { "-h", "help" } do assert.equal(out, (select(2, host.run { word }))) end
  end)

  it("is one file of less than a megabyte", function()
    if not host.binary:find "/release/" then return pending "only the release is small" end
    assert.is_true(uv.fs_stat(host.binary).size < 1000000)
  end)

  it("helps with each command", function()
    for _, command in ipairs { "run", "check", "lua", "version" } do
      for _, option in ipairs { "--help", "-h" } do
        local code, out = host.run { command, option }
        assert.equal(0, code)
        assert.truthy(out:find("usage: luvisor " .. command, 1, true))
      end
    end
    local _, about_run = host.run { "run", "--help" }
    assert.truthy(about_run:find("--log-level", 1, true))
    assert.equal(about_run, (select(2, host.run { "help", "run" })))
    check_usage({ "help", "rnu" }, 'unknown command "rnu", did you mean "run"?')
  end)

  it("says how to use it when it is told nothing, and that this was no use", function()
    local code, out = host.run {}
    assert.equal(2, code)
    assert.truthy(out:find("usage: luvisor", 1, true))
  end)

  it("knows the nearest command #valgrind", function()
    check_usage({ "rnu", "x.lua" }, 'unknown command "rnu", did you mean "run"?', "Try: luvisor --help")
    check_usage({ "chek" }, 'unknown command "chek", did you mean "check"?')
    local err = check_usage({ "xyzzy" }, 'unknown command "xyzzy"')
    assert.is_nil(err:find "did you mean")
  end)

  it("knows the nearest option", function()
    check_usage({ "run", "--log-levl", "info", "x.lua" }, 'unknown option --log-levl, did you mean "--log-level"?',
      "Try: luvisor run --help")
    check_usage({ "run", "--log-level=inof", "x.lua" }, '--log-level: unknown value "inof", did you mean "info"?')
    check_usage({ "run", "--log-format=xml", "x.lua" },
      '--log-format: unknown value "xml", expected one of "text", "json"')
    check_usage({ "run", "x.lua", "--log-format" }, "--log-format needs a value: text, json")
    check_usage({ "check", "-q", "x.lua" }, "unknown option -q")
    check_usage({ "--name", "x", "status" }, "options such as --name come after the command")
    check_usage({ "status", "--json=1" }, "--json takes no value")
    check_usage({ "run", "--daemon", "--repl", "x.lua" }, "--repl needs the terminal that --daemon leaves")
  end)

  it("wants its operands, and no more", function()
    check_usage({ "run" }, "run: missing TREE.lua")
    check_usage({ "check" }, "check: missing TREE.lua")
    check_usage({ "lua" }, "lua: missing FILE")
    check_usage({ "run", "a.lua", "b.lua" }, 'run: one argument too many: "b.lua"')
    check_usage({ "version", "x" }, 'version: one argument too many: "x"')
  end)

  describe("the first load of a script", function()
    local function load(text, environment)
      put("tree.lua", text)
      local results = {}
      for i, command in ipairs { "check", "run" } do
        local process = host.spawn({ command, "tree.lua" }, environment, { cwd = directory })
        results[i] = { (process:wait(20)), process:stderr() }
      end
      return results
    end

    local FINE = "return require('luvisor').program { name = 'x', command = 'true' }" -- no root, but loaded
    local LOADED = 'the root must be a supervisor, got the program "x"'

    it("has a limit of time", function()
      local bound = { LUVISOR_LOAD_TIMEOUT = "0.3" }
      for text, where in pairs { ["while true do end"] = " (at tree.lua:1)",
        ["while true do pcall(function() while true do end end) end"] = " (at tree.lua:1)",
        ["require('luv').sleep(20000)"] = "" } do
        for _, result in ipairs(load(text, bound)) do
          assert.equal(2, result[1])
          assert.equal("luvisor: tree.lua: loading takes more than 0.3 s" .. where .. "\n", result[2])
        end
      end
      for _, result in ipairs(load("require('luv').sleep(600) " .. FINE, { LUVISOR_LOAD_TIMEOUT = "30" })) do
        assert.truthy(result[2]:find(LOADED, 1, true)) -- the control arm
      end
    end)

    it("has a limit of memory", function()
      local text = "local s = ('x'):rep(50 << 20) " .. FINE
      for _, result in ipairs(load(text, { LUVISOR_LOAD_MEMORY = "20MB" })) do
        assert.equal(2, result[1])
        assert.equal("luvisor: tree.lua: loading takes more than 20 MB\n", result[2])
      end
      for _, result in ipairs(load(text, {})) do
        assert.truthy(result[2]:find(LOADED, 1, true)) -- the control arm
      end
    end)
  end)

  describe("check", function()
    it("prints the tree in start order and starts nothing #valgrind", function()
      put("one.lua", WORKER)
      local process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory })
      put("tree.lua", TREE)
      process:wait()
      process = host.spawn({ "check", "tree.lua" }, nil, { cwd = directory })
      assert.equal(0, (process:wait()), process:output())
      assert.equal("", process:stderr())
      assert.equal([[
top (supervisor one_for_one, 3 restarts within 5 s, permanent)
  prog (program touch started, transient)
  one (worker one, permanent, after prog ready, critical)
  pool (supervisor simple_one_for_one, 3 restarts within 5 s, permanent)
    each (worker one, temporary)
  later (supervisor rest_for_one, 1 restart within 1 min 30 s, permanent, not started by itself)
]], process:stdout())
      assert.is_nil(host.read(directory .. "/started"))
    end)
  end)

  describe("lua", function()
    local function run_lua(text, ...)
      return host.run { "lua", put("file.lua", text), ... }
    end

    it("runs a file with its arguments, options among them #valgrind", function()
      local code, out = run_lua("print(#arg, arg[1], arg[2], ...)", "--help", "x y")
      assert.same({ 0, "2\t--help\tx y\t--help\tx y\n" }, { code, out })
    end)

    it("runs the loop until nothing is left on it", function()
      local code, out = run_lua [[
        local timer, runtime = require("luv").new_timer(), require "host.runtime"
        local function luv()
          print "luv"
          timer:close()
          runtime.after(0.01, function() print "runtime" end)
        end
        runtime.post(function()
          print "posted"
          timer:start(10, 0, luv)
        end)
        print "first"]]
      assert.same({ 0, "first\nposted\nluv\nruntime\n" }, { code, out })
    end)

    it("ends with the code that the file asks for", function()
      for text, expected in pairs { ["os.exit(7)"] = 7, ["os.exit(true)"] = 0, ["os.exit(false)"] = 1,
        ["io.write('x') os.exit()"] = 0 } do
        assert.equal(expected, (run_lua(text)), text)
      end
    end)

    it("ends with 1 and says where when the file fails #valgrind", function()
      local code, _, err = run_lua("local function f() error 'broke' end\nf()")
      assert.equal(1, code)
      assert.truthy(err:find("file.lua:1: broke", 1, true))
      assert.truthy(err:find("file.lua:2:", 1, true))
      code, _, err = run_lua("x = = 1")
      assert.equal(1, code)
      assert.truthy(err:find("file.lua:1: unexpected symbol", 1, true))
      code, _, err = host.run { "lua", directory .. "/absent.lua" }
      assert.equal(1, code)
      assert.truthy(err:find("absent.lua", 1, true))
    end)

    it("goes on after an error in a callback, and tells of it", function()
      local code, out, err = run_lua [[
        local uv = require "luv"
        local timer = uv.new_timer()
        timer:start(10, 0, function() timer:close() error "in a callback" end)
        require("host.runtime").after(0.1, function() print "still here" end)]]
      assert.same({ 0, "still here\n" }, { code, out })
      assert.truthy(err:find("file.lua:3: in a callback", 1, true))
    end)

    it("loads C modules", function()
      local code, out = run_lua [[local ok, lfs = pcall(require, "lfs") print(ok and type(lfs.dir) or "absent")]]
      assert.equal(0, code)
      assert.truthy(out == "function\n" or out == "absent\n")
    end)

    it("that quits and then fails before the loop has run ends in order", function()
      host.write(directory .. "/quit.lua", [[
        require("luv").new_timer():start(100000, 0, function() end)
        require("host.system").quit(3)
        error "out of order"]])
      local code, _, err = host.run { "lua", directory .. "/quit.lua" }
      assert.equal(1, code)
      assert.truthy(err:find("out of order", 1, true))
    end)

    it("says so when there is no such directory as LUVISOR_LUA names", function()
      for _, path in ipairs { directory .. "/none", put("file.lua", "") } do
        local code, out, err = host.run({ "version" }, { LUVISOR_LUA = path })
        assert.equal(2, code)
        assert.equal("", out)
        assert.equal(("luvisor: LUVISOR_LUA: %s is no directory\nTry: luvisor --help\n"):format(path), err)
      end
      assert.equal(0, (host.run({ "version" }, { LUVISOR_LUA = directory })))
      assert.equal(0, (host.run({ "version" }, { LUVISOR_LUA = "" })))
    end)

    it("takes luvisor's modules from LUVISOR_LUA", function()
      uv.fs_mkdir(directory .. "/core", 493)
      put("core/units.lua", "return { mine = true }")
      local process = host.spawn({ "lua", put("file.lua", [[
        print(require("luvisor.core.units").mine, require("luvisor.core.exit").new { kind = "normal" })]]) },
        { LUVISOR_LUA = directory })
      assert.equal(0, (process:wait()))
      assert.equal("true\tnormal\n", process:stdout())
    end)
  end)
end)
