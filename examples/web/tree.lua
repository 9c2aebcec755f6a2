-- SPDX-License-Identifier: Apache-2.0
-- A web stack: three servers side by side, and what has to be there before them and after them.
--
--   scripts/run examples/web/tree.lua          WEB_PORT: the first of the ports, 8080; WEB_DIR: for data and logs, "."
--
-- migrate   runs once; nothing serves before it has ended well
-- web:0..2  ready when they answer, checked from then on, told to drain before they are stopped, logs in files
-- smoke     asks each of them for a page every ten seconds
-- deploy    restarts them one after the other when it finds a file "deploy" in WEB_DIR: somebody always serves
--
-- Try: kill -STOP one of the servers and watch its health; touch WEB_DIR/deploy; put another text into
-- WEB_DIR/greeting.txt and kill -HUP a server.

local luvisor = require "luvisor"
local worker = require "luvisor.worker"

local here = luvisor.directory()
local port = tonumber(os.getenv "WEB_PORT") or 8080
local data = os.getenv "WEB_DIR" or "."

local function url(index, page) return ("http://127.0.0.1:%d/%s"):format(port + index, page) end

local Deploy = worker.define()

Deploy:actor("running", { every = 0.5 }, function(self)
  if self.stopping then return "complete" end
  if not os.remove(data .. "/deploy") then return "keepalive" end
  local count, message = luvisor.find("shop"):rolling_restart "web"
  if count then self.log:info("%d servers restarted", count) else self.log:error("%s", message) end
  return "keepalive"
end)

-- A hook: the time in which a balancer would notice that the server is about to go.
local function drain(self, event)
  self.log:info("%s drains", event.name)
  self:sleep(0.2)
end

local function probe(index)
  return ("import urllib.request; print(urllib.request.urlopen(%q, timeout=5).read().decode(), end='')")
    :format(url(index, ""))
end

return luvisor.supervisor {
  name = "shop",
  children = {
    luvisor.program { name = "migrate", command = "true", restart = "transient", critical = true },
    luvisor.program {
      name = "web", count = 3, cwd = data, after = { migrate = "done" },
      command = function(i) return { "python3", "-u", here .. "/server.py", port + i } end,
      ready = function(i) return { http = url(i, "health"), timeout = 2 } end,
      health = function(i) return { http = url(i, "health"), every = 1, timeout = 2, retries = 3, grace = 1 } end,
      stdout = function(i)
        return { file = ("%s/web-%d.log"):format(data, i), max_size = "1MB", keep = 3, gzip = true }
      end,
      stderr = "stdout", reload = { signal = "HUP" }, stop = { timeout = 10 }, before = { stop = drain },
    },
    luvisor.program {
      name = "smoke", count = 3, stdout = { prefix = true }, schedule = { every = 10 }, max_age = 8,
      command = function(i) return { "python3", "-c", probe(i) } end,
    },
    luvisor.worker {
      name = "deploy", module = Deploy, after = { web = "ready" },
      fsm = luvisor.fsm { -- a rolling restart may take longer than two seconds
        initial = "new", transitions = {
          new = { go = "running" }, running = { complete = "over", error = "failed" },
          over = luvisor.fsm.OK, failed = luvisor.fsm.ERROR,
        },
        timeouts = { heartbeat = { running = 300 } },
      },
    },
  },
}
