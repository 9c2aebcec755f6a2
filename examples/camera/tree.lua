-- SPDX-License-Identifier: Apache-2.0
-- A camera that looks after itself: nested supervisors for parts that fail in different ways.
--
--   camera
--     prepare        one-shot: makes the directory that all others use, then is retired
--     vision         supervisor
--       algorithm    looks at frames, and now and then hangs: its heartbeat is missed, and it starts again
--       controller   follows what the algorithm sees; holds still while that has nothing new to say
--     jobs           supervisor
--       scheduler    has the report written every few seconds
--       report       a program that runs only when the scheduler starts it
--     web            a program, Python's own http.server: serves the directory
--
--   scripts/run examples/camera/tree.lua
--
-- It runs until Ctrl-C. Try: curl http://127.0.0.1:8766/frame.json (report.txt, events.txt), or kill the web server's
-- pid, which the log shows. The environment may change:
--   CAMERA_DATA   the directory                               (luvisor-camera-UID in $TMPDIR or /tmp)
--   CAMERA_PORT   port of the web server on 127.0.0.1         (8766)
--   CAMERA_STALL  frames after which the algorithm hangs      (40)
--   CAMERA_EVERY  seconds between two reports                 (5)
--
-- The algorithm hangs every ten seconds or so, which stays below the 3 restarts within 5 seconds that `vision` allows.
-- Were it to hang or crash all the time, `vision` would give up and be restarted whole, and then the root would.

local luvisor = require "luvisor"
local config = require "camera.config"

luvisor.defaults { heartbeat = 1 }

-- Everything that ends for a bad reason, for the web page. Subscribers run after the fact and hold up nobody.
luvisor.on("exit", function(event)
  if event.exit.kind == "normal" or event.exit.kind == "shutdown" then return end
  config.append("events.txt", ("%s: %s\n"):format(event.unit, event.exit))
end)

local function worker(name, options)
  options = options or {}
  options.name, options.module = name, "camera." .. name
  return luvisor.worker(options)
end

return luvisor.supervisor {
  name = "camera",
  children = {
    worker "prepare",
    luvisor.supervisor {
      name = "vision", after = { prepare = "done" },
      children = { worker "algorithm", worker("controller", { after = { algorithm = "ready" } }) },
    },
    luvisor.supervisor {
      name = "jobs", after = { prepare = "done" },
      children = {
        worker("scheduler", { args = { every = config.every } }),
        luvisor.program {
          name = "report", command = { "sh", config.here .. "/report.sh" }, env = { CAMERA_DATA = config.data },
          autostart = false,
          restart = "transient", -- a good end is the end, until the next start
          ready = { after = 0 },
        },
      },
    },
    luvisor.program {
      name = "web", after = { prepare = "done" },
      command = {
        "python3", "-u", "-m", "http.server", config.port, "--bind", "127.0.0.1", "--directory", config.data,
      },
      stdout = { prefix = true }, stderr = "stdout",
    },
  },
}
