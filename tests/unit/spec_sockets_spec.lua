-- SPDX-License-Identifier: Apache-2.0
-- The key `sockets` of a program.

local spec = require "luvisor.core.spec"

local here = { file = "tree.lua", line = 12 }

local function program(sockets, more)
  local def = { name = "p", command = { "true" }, sockets = sockets }
  for key, value in pairs(more or {}) do def[key] = value end
  return spec.program(def, here)
end

describe("spec.program: sockets", function()
  it("become a list in the order of their names", function()
    assert.same({
      { name = "ctl", kind = "unix", path = "/run/x", mode = 432, backlog = 511, text = "unix /run/x" },
      { name = "dns", kind = "udp", host = "::1", port = 53, text = "udp [::1]:53" },
      { name = "old", kind = "inherited", text = "inherited" },
      { name = "web", kind = "tcp", host = "127.0.0.1", port = 80, backlog = 5, text = "tcp localhost:80" },
    }, assert(program {
      web = { tcp = "localhost:80", backlog = 5 }, ctl = { unix = "/run/x", mode = "0660" }, old = "inherited",
      dns = { udp = "[::1]:53" },
    }).sockets)
    assert.equal("*", assert(program { web = { tcp = "*:80" } }).sockets[1].host)
    assert.equal("@x", assert(program { web = { unix = "@x" } }).sockets[1].path)
    assert.is_nil(assert(program(nil)).sockets)
  end)

  local ONE = "expected one of tcp, udp or unix"
  for _, case in ipairs {
    { 80, 'key "sockets": expected { NAME = socket }, got 80' },
    { { "127.0.0.1:80" }, 'key "sockets": expected { NAME = socket }, got a list' },
    { { web = 80 }, 'key "sockets.web": expected { tcp = "ADDRESS:PORT" }, { unix = path } or "inherited", got 80' },
    { { web = {} }, 'key "sockets.web": ' .. ONE },
    { { web = { tcp = "*:1", udp = "*:1" } }, 'key "sockets.web": ' .. ONE },
    { { web = { tpc = "*:1" } }, 'key "sockets.web.tpc": unknown key, did you mean "tcp"?' },
    { { web = { tcp = 80 } }, 'key "sockets.web.tcp": expected "ADDRESS:PORT", got 80' },
    { { web = { tcp = "80" } }, 'key "sockets.web.tcp": expected "ADDRESS:PORT", got "80"' },
    { { web = { tcp = "example.org:80" } },
      'key "sockets.web.tcp": expected an address in numbers, "localhost" or "*", got "example.org"' },
    { { web = { tcp = "*:0" } }, 'key "sockets.web.tcp": expected a whole number from 1 to 65535, got 0' },
    { { web = { unix = "x" } },
      'key "sockets.web.unix": expected an absolute path, or @NAME for an abstract one' },
    { { web = { tcp = "*:1", mode = "0660" } }, 'key "sockets.web.mode": is for unix' },
    { { web = { udp = "*:1", backlog = 1 } }, 'key "sockets.web.backlog": is for tcp and unix' },
  } do
    it("refuses: " .. case[2], function()
      local ok, message = program(case[1])
      assert.is_nil(ok)
      assert.equal('tree.lua:12: program "p": ' .. case[2], message)
    end)
  end

  it("take the descriptors from 3 on", function()
    local _, message = program({ web = { tcp = "*:1" } }, { ready = { fd = 3 } })
    assert.equal('tree.lua:12: program "p": key "ready.fd": 3 is the descriptor of a socket', message)
    assert(program({ web = { tcp = "*:1" } }, { ready = { fd = 4 } }))
  end)
end)
