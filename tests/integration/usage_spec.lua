-- SPDX-License-Identifier: Apache-2.0
-- What the survey of all processes reads, and when.

local altered = require("connected").altered
local host = require "host"
local runtime = require "host.runtime"
local uv = require "luv"

describe("what programs take of the machine", function()
  local usage = require "luvisor.edge.usage"
  local open, opened = uv.fs_open, 0

  before_each(function()
    uv.fs_open = function(...)
      opened = opened + 1
      return open(...)
    end
  end)
  after_each(function() uv.fs_open = open end)

  -- What the survey says of this process, and how many files each turn of it opened, and the answer.
  local function survey(module)
    local turns, answer, last = {}, nil, 0
    local function note()
      turns[#turns + 1], opened = opened, 0
    end
    opened = 0
    module.survey(function(_, step)
      note()
      runtime.after(0, step)
    end, function(of)
      note()
      answer = { of(uv.os_getpid()) }
      last = opened
    end)
    assert(host.wait_until(function() return answer end, 30))
    return answer, turns, last
  end

  it("is read in small portions, and nothing any more when it is asked for", function()
    local answer, turns, last = survey(usage)
    assert.is_true(answer[1] > 1024 * 1024 and answer[2] > 0)
    for _, count in ipairs(turns) do assert.is_true(count <= 50, count) end
    assert.equal(0, last)
  end)

  it("would be read in one go with a portion that knows no end", function()
    local _, turns = survey((altered("usage", "local PORTION = 25 ", "local PORTION = 1e6 ")))
    assert.equal(1, #turns)
  end)
end)
