-- SPDX-License-Identifier: Apache-2.0
-- The keys of a program's spec that say when it is ready and whether it is well.

local spec = require "luvisor.core.spec"
local url = require "luvisor.core.url"

local here = { file = "tree.lua", line = 12 }

local function program(def)
  def.name, def.command = "p", { "true" }
  return spec.program(def, here)
end

local function probe_of(ready) return assert(program { ready = ready }).ready.probe end

describe("spec.program", function()
  it("takes every way of being ready", function()
    assert.same({ after = 1 }, assert(program {}).ready)
    assert.same({ after = 0 }, assert(program { ready = { after = 0 } }).ready)
    assert.same({ notify = true }, assert(program { ready = { notify = true } }).ready)
    assert.same({ fd = 3 }, assert(program { ready = { fd = 3 } }).ready)
    assert.same({ line = "^up" },
      assert(program { ready = { line = "^up" }, stdout = { prefix = true } }).ready)
    assert(program { ready = { line = "^up" }, stdout = { file = "x" } })
    assert(program { ready = { line = "^up" }, stderr = print })
    assert.same({ kind = "tcp", port = 80, text = "tcp port 80" }, probe_of { tcp = 80 })
    assert.same({ kind = "tcp", host = "::1", port = 80, text = "tcp [::1]:80" }, probe_of { tcp = { "::1", 80 } })
    assert.same({ kind = "tcp", path = "/run/x", text = "unix /run/x" }, probe_of { tcp = { path = "/run/x" } })
    assert.same({ kind = "exec", command = { "pg_isready", "-q" }, text = "exec pg_isready" },
      probe_of { exec = "pg_isready -q" })
    assert.same({ kind = "fn", fn = print, text = "function" }, probe_of(print))
    local http = probe_of { http = { url = "http://[::1]:8080/health?x=1", status = 204, header = { A = "b" } } }
    assert.same({ "http", "::1", 8080, "/health?x=1", "[::1]:8080", { 204 } },
      { http.kind, http.host, http.port, http.path, http.authority, http.status })
    assert.equal(3, assert(program { ready = { tcp = 80, timeout = 3 } }).ready.timeout)
  end)

  it("takes it that there is none of what there may be many of, and that options are as they are", function()
    for _, key in ipairs { "after", "before", "limits", "env", "tags", "sockets", "stop", "cgroup", "backoff" } do
      assert(program { [key] = {} })
    end
  end)

  it("fills a health check with its defaults", function()
    local health = assert(program { health = { tcp = 80, every = 5 } }).health
    assert.same({ 5, 10, 3, 10, 1 }, { health.every, health.timeout, health.retries, health.grace, health.success })
    assert.equal("fn", assert(program { health = print }).health.probe.kind)
    local all = assert(program { watchdog = 3, max_memory = "64MB", max_age = 3600 })
    assert.same({ 3, 64 * 1024 * 1024, 3600 }, { all.watchdog, all.max_memory, all.max_age })
  end)

  local ONE = "expected one of after, notify, fd, line, tcp, http, exec or fn"
  for _, case in ipairs {
    { { ready = {} }, 'key "ready": ' .. ONE },
    { { ready = { timeout = 3 } }, 'key "ready": ' .. ONE },
    { { reload = {} }, 'key "reload": expected one of signal and command' },
    { { schedule = {} }, 'key "schedule": expected one of cron and every' },
    { { stdout = {} }, 'key "stdout": expected { file = path }, { prefix = true } or { syslog = true }' },
    { { log = {} }, 'key "log": unknown key' },
    { { ready = { after = 1, tcp = 80 } }, 'key "ready": ' .. ONE },
    { { ready = { tcp = 80, fn = print } }, 'key "ready": ' .. ONE },
    { { ready = { after = 1, timeout = 1 } }, 'key "ready.timeout": is for tcp, http, exec or fn' },
    { { ready = { notify = false } }, 'key "ready.notify": expected true, got boolean' },
    { { ready = { fd = 2 } }, 'key "ready.fd": expected a whole number from 3 to 1023, got 2' },
    { { ready = { tcp = 0 } }, 'key "ready.tcp": expected a whole number from 1 to 65535, got 0' },
    { { ready = { tcp = { "h", 99999 } } },
      'key "ready.tcp[2]": expected a whole number from 1 to 65535, got 99999' },
    { { ready = { tcp = {} } }, 'key "ready.tcp": expected a port, { host, port } or { path = socket }' },
    { { ready = { http = "https://x/" } }, 'key "ready.http.url": no https, only http' },
    { { ready = { http = { status = 200 } } }, 'key "ready.http.url": missing' },
    { { ready = { http = { url = "http://x", body = "%" } } },
      "key \"ready.http.body\": not a Lua pattern: malformed pattern (ends with '%')" },
    { { ready = { exec = "" } }, 'key "ready.exec": names no program' },
    { { ready = { line = "up" } },
      'key "ready.line": needs stdout or stderr = { prefix = true }: nobody else reads the lines' },
    { { health = {} }, 'key "health": expected one of tcp, http, exec or fn' },
    { { health = { tcp = 1, retries = 0 } },
      'key "health.retries": expected a whole number from 1 to 1000, got 0' },
    { { health = { tcp = 1, evry = 1 } }, 'key "health.evry": unknown key, did you mean "every"?' },
    { { watchdog = 0 }, 'key "watchdog": expected seconds > 0, got 0' },
    { { max_age = "1h" }, 'key "max_age": expected seconds > 0, got "1h"' },
    { { max_memory = 0 }, 'key "max_memory": expected a size (bytes or text such as "64MB"), got 0' },
  } do
    it("refuses: " .. case[2], function()
      local made, message = program(case[1])
      assert.is_nil(made)
      assert.equal('tree.lua:12: program "p": ' .. case[2], message)
    end)
  end
end)

describe("url.parse", function()
  it("takes an address apart", function()
    assert.same({ host = "a.b", port = 80, authority = "a.b", path = "/" }, url.parse "http://a.b")
    assert.same({ host = "h", port = 81, authority = "h:81", path = "/?q" }, url.parse "HTTP://h:81?q#top")
  end)

  it("refuses what is none", function()
    for _, text in ipairs { "", "x", "http://", "http://u@h/", "http://h:0/", "http://h:99999/", "http://h/a b",
      "http://h/\r\nX: y", "ftp://h/", "http://[::1/" } do
      assert.is_nil((url.parse(text)), text)
    end
  end)
end)
