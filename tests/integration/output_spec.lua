-- SPDX-License-Identifier: Apache-2.0
-- What programs print, from outside: rotated files, full disks, last words.

local host = require "host"
local uv = require "luv"

local directory

local function run_tree(children)
  local path = directory .. "/tree.lua"
  local text = 'local luvisor = require "luvisor"\nreturn luvisor.supervisor { name = "root", children = {\n%s\n} }\n'
  host.write(path, text:format(children))
  return host.spawn({ "run", path })
end

local function in_directory(text)
  return (text:gsub("DIR", directory))
end

local function read(name)
  return host.read(directory .. "/" .. name)
end

-- Every number of a file from the oldest to the newest, each in its turn.
local function check_numbers(names, pattern, last)
  local expected = 1
  for _, name in ipairs(names) do
    for line in io.lines(directory .. "/" .. name) do
      local number = tonumber(line:match(pattern))
      if number ~= expected then error(("%s: %q where %d was due"):format(name, line, expected)) end
      expected = expected + 1
    end
  end
  assert.equal(last, expected - 1)
end

describe("a program's output", function()
  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  it("goes through rotation without a line lost, torn or doubled: 100 MB", function()
    local count, size = 9000000, 20 * 1024 * 1024
    local process = run_tree(in_directory(([[luvisor.program { name = "p", command = { "seq", "-f", "%%011.0f", "%d" },
      restart = "temporary", stdout = { file = "DIR/log", max_size = %d, keep = 9 } } ]]):format(count, size)))
    assert.same({ 0, 0 }, { process:wait(60) })
    local names = {}
    for i = 9, 0, -1 do
      local name = i == 0 and "log" or "log." .. i
      local stat = uv.fs_stat(directory .. "/" .. name)
      if stat then
        assert.is_true(stat.size <= size)
        names[#names + 1] = name
      end
    end
    assert.equal(6, #names)
    check_numbers(names, "^(%d+)$", count)
  end)

  it("is bounded to (keep + 1) files", function()
    local process = run_tree(in_directory [[luvisor.program { name = "p", command = { "seq", "1000000" },
      restart = "temporary", stdout = { file = "DIR/log", max_size = "64KB", keep = 2, prefix = true } } ]])
    assert.same({ 0, 0 }, { process:wait(100) })
    assert.truthy(read("log"):find("p | 1000000\n", 1, true))
    local total = 0
    for _, name in ipairs { "log", "log.1", "log.2" } do total = total + #read(name) end
    assert.is_true(total <= 3 * 65536 and total > 65536)
    assert.is_nil(read "log.3")
  end)

  it("is all there when a program prints and ends at once, 200 times", function()
    local children = {}
    for i = 1, 200 do
      children[i] = in_directory(([[luvisor.program { name = "p%d", command = { "sh", "-c", "echo one; echo two" },
        restart = "temporary", stdout = { file = "DIR/log", shared = true } } ]]):format(i))
    end
    local process = run_tree(table.concat(children, ",\n"))
    assert.same({ 0, 0 }, { process:wait(30) })
    assert.equal(200, select(2, read("log"):gsub("one\n", "")))
    assert.equal(200, select(2, read("log"):gsub("two\n", "")))
  end)

  it("costs a program nothing when the disk is full, and that is said once", function()
    local process = run_tree(in_directory [[luvisor.program { name = "p", restart = "temporary",
      command = "yes | head -n 2000000; echo went on > DIR/done", shell = true, stdout = { file = "/dev/full" } } ]])
    assert.same({ 0, 0 }, { process:wait(30) })
    assert.equal("went on\n", read "done")
    assert.equal(1, process:count "/dev/full: No space left on device")
    assert.equal(1, process:count "/dev/full: no more lines are dropped, 2000000 were")
  end)

  it("waits for ever where it has nowhere to go and nobody drains it (3.43, the control)", function()
    local pipe = uv.new_pipe()
    local script = in_directory "yes | head -n 2000000; echo went on > DIR/done"
    local ended
    uv.spawn("sh", { args = { "-c", script }, stdio = { nil, pipe } }, function() ended = true end)
    host.stay(0.3) -- it can be no further than the pipe is large, however long this is
    assert.is_nil(ended)
    assert.is_nil(read "done")
    pipe:read_start(function() end)
    assert(host.wait_until(function() return ended end, 30))
    pipe:close()
    assert.equal("went on\n", read "done")
  end)

  it("is found again on USR1 by whoever moved the file", function()
    local process = run_tree(in_directory [[luvisor.program { name = "p", shell = true,
      command = "echo tick; until [ -e DIR/go ]; do sleep 0.02; done; echo tock; exec sleep 1000",
      stdout = { file = "DIR/log" } } ]])
    assert.is_true(host.wait_until(function() return read "log" == "tick\n" end, 10))
    assert(uv.fs_rename(directory .. "/log", directory .. "/moved"))
    process:signal "sigusr1"
    process:expect "reopening 1 log files"
    assert.is_true(host.wait_until(function() return read "log" == "" end, 10)) -- without a line that would notice
    host.write(directory .. "/go", "")
    assert.is_true(host.wait_until(function() return read "log" == "tock\n" end, 10))
    assert.equal("tick\n", read "moved")
    process:stop()
  end)

  it("can be taken by a function, or as JSON, and is shown when a program does not start", function()
    local process = run_tree(in_directory [[
      luvisor.program { name = "heard", command = { "printf", "one\ntwo\nlast" }, restart = "temporary",
        stdout = function(line) io.open("DIR/heard", "a"):write("<", line, ">"):close() end },
      luvisor.program { name = "json", command = { "printf", "a \"b\"\n" }, restart = "temporary",
        stdout = { json = true } },
      luvisor.program { name = "bad", command = "echo no such port >&2; exit 1", shell = true, restart = "temporary",
        stderr = { file = "DIR/err" } } ]])
    assert.is_true(host.wait_until(function() return read "heard" == "<one><two><last>" end, 10))
    process:expect '"unit":"json","stream":"stdout","line":"a \\"b\\""}'
    process:expect "stderr: no such port"
    process:stop()
  end)

  it("goes to a function that is slow, or never comes back, at nobody's expense", function()
    local process = run_tree(in_directory [[
      luvisor.program { name = "loop", command = "seq 1 20000", restart = "transient",
        stdout = function() while true do end end },
      luvisor.program { name = "slow", command = "seq 1 20000", restart = "transient",
        stdout = function() local from = os.clock() repeat until os.clock() > from + 0.02 end },
      luvisor.program { name = "other", command = "seq 1 300000", restart = "transient",
        stdout = { file = "DIR/log" } },
      luvisor.program { name = "stay", command = "sleep 1000" } ]])
    process:expect("root/other ended: exit 0", 12)
    process:expect("root/loop stdout: no answer within 5 s", 20)
    process:expect("root/loop ended: exit 0", 20)
    assert.equal("300000\n", read("log"):sub(-7))
    process:stop()
  end)

  it("belongs to one unit alone, unless they share it", function()
    local function check(one, other)
      local path = directory .. "/tree.lua"
      host.write(path, ([[local luvisor = require "luvisor"
return luvisor.supervisor { name = "root", children = {
  luvisor.program { name = "a", command = "true", stdout = { file = "x.log"%s } },
  luvisor.program { name = "b", command = "true", stderr = { file = "./x.log"%s } },
} }]]):format(one, other))
      return host.run { "check", path }
    end
    local code, _, err = check("", ", shared = true")
    assert.equal(2, code)
    assert.truthy(err:find('tree.lua:4: program "b": key "stderr.file": program "a" writes to ./x.log too', 1, true))
    code, _, err = check(", shared = true", ", shared = true, keep = 3")
    assert.equal(2, code)
    assert.truthy(err:find('key "stderr.keep": differs from that of program "a"', 1, true))
    assert.equal(0, (check(", shared = true", ", shared = true")))
  end)
end)
