local suggest = require "luvisor.core.suggest"

describe("suggest", function()
  it("counts edits, a swap of neighbours as one", function()
    assert.equal(0, suggest.distance("abc", "abc"))
    assert.equal(1, suggest.distance("modul", "module"))
    assert.equal(1, suggest.distance("modlue", "module"))
    assert.equal(3, suggest.distance("kitten", "sitting"))
    assert.equal(4, suggest.distance("", "four"))
    assert.equal(4, suggest.distance("four", ""))
  end)

  local keys = { "name", "module", "restart", "shutdown", "start_timeout", "heartbeat", "after", "args", "db" }
  local cases = {
    { "modul", "module" }, { "moduel", "module" }, { "Module", "module" }, { "restrat", "restart" },
    { "shutdwon", "shutdown" }, { "heart", "heartbeat" }, { "dbb", "db" }, { "nmae", "name" },
    { "start_time", "start_timeout" },
  }
  for _, case in ipairs(cases) do
    it(("finds %s for %s"):format(case[2], case[1]), function()
      assert.equal(case[2], suggest.nearest(case[1], keys))
    end)
  end

  for _, far in ipairs { "zzz", "x", "", "completely_different", ("m"):rep(1000) } do
    it("finds nothing for " .. far:sub(1, 30), function() assert.is_nil(suggest.nearest(far, keys)) end)
  end

  it("takes a word that was only begun for the nearest", function()
    assert.equal("status", suggest.nearest("stat", { "start", "status" }))
    assert.equal("start", suggest.nearest("stat", { "start", "stop" }))
  end)

  it("does not depend on the order of the candidates", function()
    assert.equal("cat", suggest.nearest("caat", { "coat", "cat" }))
    assert.equal("bat", suggest.nearest("aat", { "cat", "bat" }))
    assert.equal("bat", suggest.nearest("aat", { "bat", "cat" }))
  end)

  it("survives what is no string", function()
    assert.is_nil(suggest.nearest(nil, keys))
    assert.is_nil(suggest.nearest(3, keys))
  end)

  it("words the hint", function()
    assert.equal(', did you mean "module"?', suggest.hint("modul", keys))
    assert.equal("", suggest.hint("zzz", keys))
  end)
end)
