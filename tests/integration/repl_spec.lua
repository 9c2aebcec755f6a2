-- SPDX-License-Identifier: Apache-2.0
-- The REPL, from outside: attached through the control socket, in the terminal of the host, and through pipes.

local host = require "host"
local terminal = require "terminal"
local uv = require "luv"

local TREE = [[
local luvisor = require "luvisor"
local worker = require "luvisor.worker"
local Counter = worker.define()
Counter:actor("running", { every = 0.05 }, function(self)
  self.count = (self.count or 0) + 1
  return self.stopping and "complete" or "keepalive"
end)
return luvisor.supervisor { name = "top", children = {
  luvisor.worker { name = "counter", module = Counter },
  luvisor.supervisor { name = "below", children = { luvisor.worker { name = "other", module = Counter } } },
} }
]]

describe("the REPL", function()
  local directory, socket

  before_each(function()
    directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    socket = directory .. "/run/host.sock"
  end)

  after_each(host.clean_up)

  local function start(...)
    local process = host.spawn { "run", "--socket", socket, directory .. "/tree.lua", ... }
    process:expect "top starting %-> running"
    return process
  end

  local function eval(code)
    return host.run({ "repl", "--socket", socket, "-e", code }, nil, 30)
  end

  it("evaluates what is asked on the command line", function()
    start()
    local code, out = eval "1 + 1, 'two'"
    assert.equal(0, code)
    assert.equal('2, "two"\n', out)
    assert.equal("nil\n", select(2, eval "nil"))
    assert.equal("", select(2, eval "local x = nil"))
    code, out = eval "info 'other'"
    assert.equal(0, code)
    assert.matches('path = "top/below/other"', out)
    assert.matches('state = "running"', out)
  end)

  it("says what is wrong, and fails", function()
    start()
    local code, out = eval "error 'no'"
    assert.equal(1, code)
    assert.equal("error: repl:1: no\n", out)
    code, out = eval "1 +"
    assert.equal(1, code)
    assert.equal("error: repl:1: unexpected symbol near <eof>\n", out)
    code, out = eval "info 'nobody'"
    assert.equal(1, code)
    assert.equal("error: no unit nobody\n", out)
  end)

  it("keeps its variables from line to line, and continues what is not complete", function()
    start()
    local input = "x = 20\nfor i = 1,\n2 do\nprint(i)\nend\nx + 1\n"
    local code, out = host.run({ "repl", "--socket", socket }, nil, nil, { input = input })
    assert.equal(0, code)
    assert.equal("1\n2\n21\n", out)
  end)

  it("neither ends the host nor holds it up", function()
    local process = start()
    eval "os.exit(3)"
    local _, out = eval "while true do end"
    assert.matches("took longer than 10 s", out)
    _, out = eval "setmetatable({}, { __tostring = function() while true do end end })"
    assert.matches("held up everybody else and was ended", out)
    _, out = eval "('x'):rep(1000000)"
    assert.is_true(#out < 70000)
    _, out = eval "for i = 1, 100000 do print(i) end"
    assert.matches("the output ends here", out)
    _, out = eval "info('counter').restarts"
    assert.equal("0\n", out)
    assert.equal(0, process:stop())
  end)

  describe("that takes all the memory there is", function()
    local MUCH = "local t = {} for i = 1, 100 do t[i] = ('x'):rep(1 << 20) .. i end return #t"
    local REFUSED = "error: took too much memory (64 MB at most) and was ended; "
      .. "the variables of this session are gone\n"

    local function start_with_guests(library)
      host.write(directory .. "/tree.lua", (TREE:gsub("luvisor%.supervisor { name = \"below\"", [[
        luvisor.worker { name = "t", module = Counter, executor = "thread" },
        luvisor.worker { name = "p", module = Counter, executor = "process" }, %0]])))
      local process = host.spawn({ "run", "--socket", socket, directory .. "/tree.lua" }, { LUVISOR_LUA = library })
      process:expect "top starting %-> running"
    end

    local function inside(unit) return select(2, eval(("at %q %q"):format(unit, MUCH))) end

    it("is ended, there and in the workers' own runtimes, and nobody else is harmed", function()
      start_with_guests()
      for _, code in ipairs { MUCH, "hog = {} while true do hog[#hog + 1] = {} end",
        "local s = 'x' while true do s = s .. s end" } do
        assert.same({ 1, REFUSED, "" }, { eval(code) })
      end
      for _, unit in ipairs { "counter", "t", "p" } do
        assert.equal(REFUSED, inside(unit))
        assert.equal('"running", 1\n', select(2, eval(("info(%q).state, info(%q).generation"):format(unit, unit))))
      end
      assert.equal("10485760\n", select(2, eval "#('x'):rep(1 << 20):rep(10)"))
    end)

    it("has its calls of the library finished nevertheless, and does not leave them half done", function()
      start()
      local code, out = eval(([[
        local top, hog = unit "top", nil
        local keys = { name = "late", command = { "sleep", "600" }, ready = { after = 0 } }
        local function fill() while true do hog = { hog } end end
        local is_full, has_room = not pcall(fill), pcall(string.rep, "x", 100000)
        local child, message = top:start_child(luvisor.program(keys))
        hog = nil
        return is_full, has_room, child and child.path or message]]):gsub("\n", " "))
      assert.equal('true, false, "top/late"\n', out)
      assert.equal(0, code)
    end)

    it("loses its variables, and goes on", function()
      start()
      local input = "x = 1\nhog = ('x'):rep(1 << 20):rep(20)\n" .. MUCH .. "\nx, hog, print ~= nil\n"
      local _, out = host.run({ "repl", "--socket", socket }, nil, nil, { input = input })
      assert.equal(REFUSED .. "nil, nil, true\n", out)
    end)

    it("gets it without the bound: the control arm", function()
      assert.equal(0, (host.run({ "-r", host.root .. "/lua", directory .. "/lua" }, nil, 10, { command = { "cp" } })))
      local text, count = host.read(directory .. "/lua/edge/repl.lua"):gsub("MEMORY = 64 ", "MEMORY = 6400 ")
      assert.equal(1, count)
      host.write(directory .. "/lua/edge/repl.lua", text)
      start_with_guests(directory .. "/lua")
      assert.equal("100\n", select(2, eval(MUCH)))
      for _, unit in ipairs { "t", "p" } do assert.equal("100\n", inside(unit)) end
    end)
  end)

  it("can be switched off", function()
    start "--no-repl"
    local code, out = eval "1"
    assert.equal(1, code)
    assert.matches("started with %-%-no%-repl", out)
  end)

  it("stops and starts units", function()
    start()
    local _, out = eval "stop 'counter'"
    assert.equal("top/counter: STOPPED (stop by uid " .. uv.getuid() .. ")\n", out)
    _, out = eval "info('counter').state"
    assert.equal('"STOPPED"\n', out)
    eval "start 'counter'"
    _, out = eval "info('counter').state"
    assert.equal('"running"\n', out)
    _, out = eval "why 'counter'"
    assert.matches("top/counter is running\n.*stop by uid", out)
  end)

  it("looks into workers, wherever they run", function()
    host.write(directory .. "/keeper.lua", [[
      local Keeper = require "luvisor.worker".define()
      Keeper:actor("starting", function(self) self.data = { n = 7 } return "run" end)
      Keeper:call("get", function(self) return self.data.n end)
      return Keeper
    ]])
    host.write(directory .. "/tree.lua", [[
      local luvisor = require "luvisor"
      local children = {}
      for i, executor in ipairs { "coroutine", "thread", "process" } do
        children[i] = luvisor.worker { name = executor, module = "keeper", executor = executor }
      end
      return luvisor.supervisor { name = "top", children = children }
    ]])
    local process = start()
    for _, name in ipairs { "coroutine", "thread", "process" } do
      process:expect(name .. " starting %-> running", 10)
      local _, out = eval(("state '%s'"):format(name))
      assert.equal('{ data = { n = 7 }, state = "running" }\n', out)
      _, out = eval(("at '%s' 'self.data.n = self.data.n + 1; return self.data.n'"):format(name))
      assert.equal("8\n", out)
      _, out = eval(("at '%s' 'error(1)'"):format(name))
      assert.matches("^error: ", out)
      _, out = eval(("state('%s').data.n, messages('%s').generation"):format(name, name))
      assert.equal("8, 1\n", out)
      _, out = eval(("return set_state('%s', function(data) data.n = 100 return data end)"):format(name))
      assert.equal("true\n", out)
      _, out = eval(("(pcall(set_state, '%s', function() error 'no' end)), state('%s').data.n"):format(name, name))
      assert.equal("false, 100\n", out)
    end
    local _, out = eval "local n = 5 return unit 'thread':replace_state(function() return n end)"
    assert.matches("a function that uses n of where it was made cannot be sent", out)
  end)

  describe("at a terminal", function()
    local screen

    after_each(function() screen:close() end)

    local function open(...)
      screen = terminal.open({ ... }, { LUVISOR_REPL_HISTORY = directory .. "/history" })
    end

    it("edits, completes, continues and remembers", function()
      start()
      open("repl", "--socket", socket)
      assert.is_truthy(screen:shows ">")
      screen:type("1+", "1", "1", "BSpace", "Enter")
      assert.is_truthy(screen:shows "\n2\n")
      screen:text 'info("coun'
      screen:type "Tab"
      assert.is_truthy(screen:shows 'info%("counter')
      screen:type("C-u")
      screen:text "luvisor.send_af"
      screen:type "Tab"
      assert.is_truthy(screen:shows "luvisor%.send_after")
      screen:type("C-u")
      screen:text "for i = 7, 8 do"
      screen:type "Enter"
      screen:text "print(i) end"
      screen:type "Enter"
      assert.is_truthy(screen:shows "\n7\n8\n")
      screen:type("Up", "Up", "Enter")
      assert.is_truthy(screen:shows "1%+1\n2\n.*1%+1\n2\n")
      screen:type "C-d"
      assert.is_truthy(screen:shows "EXIT 0")
      assert.matches("1%+1\nfor i = 7, 8 do\\nprint%(i%) end\n", host.read(directory .. "/history"))
    end)

    it("ends with Ctrl-C what runs too long", function()
      start()
      open("repl", "--socket", socket)
      assert.is_truthy(screen:shows ">")
      screen:type("while true do end", "Enter")
      host.stay(0.3)
      screen:type "C-c"
      assert.is_truthy(screen:shows "error: cancelled")
      screen:type("40 + 2", "Enter")
      assert.is_truthy(screen:shows "\n42\n")
    end)

    it("takes up what is typed meanwhile, line by line, or forgets it at Ctrl-C", function()
      start()
      open("repl", "--socket", socket)
      assert.is_truthy(screen:shows ">")
      screen:type("for i = 1, 3e7 do end", "Enter", "40 + 2", "Enter", "40 + 3", "Enter")
      assert.is_truthy(screen:shows "40 %+ 2\n42\n[^\n]*40 %+ 3\n43\n")
      screen:type("while true do end", "Enter", "40 + 4", "Enter")
      host.stay(0.3)
      screen:type "C-c"
      assert.is_truthy(screen:shows "error: cancelled")
      screen:type("40 + 5", "Enter")
      assert.is_truthy(screen:shows "\n45\n")
      assert.is_falsy(screen:screen():find "\n44\n")
    end)

    it("shares the host's terminal with its log", function()
      open("run", "--repl", "--socket", socket, directory .. "/tree.lua")
      assert.is_truthy(screen:shows "luvisor>")
      screen:text "unit('counter'):restart()"
      screen:type "Enter"
      assert.is_truthy(screen:shows "counter stopped: shutdown.*<unit top/counter>\nluvisor>")
      screen:type "C-d"
      assert.is_truthy(screen:shows "EXIT 0")
      assert.matches("end of input: stopping", screen:screen())
    end)

    it("tells when the host is gone", function()
      local process = start()
      open("repl", "--socket", socket)
      assert.is_truthy(screen:shows ">")
      process:stop()
      assert.is_truthy(screen:shows "the host is gone.*EXIT 4")
    end)
  end)
end)
