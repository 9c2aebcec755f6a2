-- SPDX-License-Identifier: Apache-2.0
-- What is left of a program, whatever session it is in: nobody (3.5, 3.6).

local escape = require "escape"
local host = require "host"
local uv = require "luv"

describe("a program whose child has left its session", function()
  before_each(escape.begin)
  after_each(escape.finish)

  local function program(keys, how)
    return ([[luvisor.program { name = "p", command = "python3 escape.py %s", stdout = "null", %s }]])
      :format(how or "stubborn", keys)
  end

  it("is stopped when that is dead, too", function()
    local process = escape.run(program [[stop = { timeout = 0.5 }]])
    process:expect "top starting %-> running"
    local pid = escape.wait()
    assert.are_not.equal(uv.os_getpid(), pid)
    assert.equal(0, process:stop())
    assert.is_false(host.is_alive(pid))
    process:expect("others live on: " .. pid)
    process:expect("did not end within 0.5 s, killing " .. pid)
  end)

  it("is not started again before that", function()
    local process = escape.run(program([[stop = { timeout = 0.5 }, backoff = { min = 0.01, max = 0.01 } ]]))
    process:expect "top starting %-> running"
    local pid = escape.wait()
    host.write(escape.directory .. "/end", "")
    process:expect("others live on: " .. pid)
    local _, text = process:client { "status" } -- it has its mark: it is its unit's affair
    assert.is_nil(text:find("got away", 1, true), text)
    process:expect("did not end within 0.5 s, killing " .. pid)
    process:expect("STARTING %(pid", 10, 2)
    assert.is_false(host.is_alive(pid))
    local before = process:output():match("^(.*)did not end within 0.5 s, killing " .. pid)
    assert.equal(1, select(2, before:gsub("STARTING %(pid", "")), process:output())
  end)

  it("asks it to end first, as everybody else", function()
    local process = escape.run(program("stop = { timeout = 30 }", "meek"))
    process:expect "top starting %-> running"
    local pid = escape.wait()
    assert.equal(0, process:stop())
    assert.is_false(host.is_alive(pid))
    assert.equal(0, process:count "killing", process:output())
  end)

  -- The control: without the mark, and so without a unit, it is found by nobody before the host ends.
  it("would leave it behind without the mark; the host kills it at its end", function()
    host.write(escape.directory .. "/clean.sh", [[exec env -u LUVISOR_UNIT python3 escape.py stubborn]])
    local process = escape.run [[luvisor.program { name = "p", command = "sh clean.sh", stdout = "null",
      stop = { timeout = 0.5 }, backoff = { min = 0.01, max = 0.01 } }]]
    process:expect "top starting %-> running"
    local pid = escape.wait()
    host.write(escape.directory .. "/end", "")
    process:expect("STARTING %(pid", 10, 2)
    assert.is_true(host.is_alive(pid))
    local _, table_text = process:client { "status" }
    assert.truthy(table_text:find("got away from [^\n]*: pid [%d, ]*" .. pid), table_text)
    assert.equal(0, process:stop())
    process:expect "killing [%d, ]+: they have got away from their units"
    assert.is_false(host.is_alive(pid))
  end)
end)
