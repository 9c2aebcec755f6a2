-- SPDX-License-Identifier: Apache-2.0
-- A small data pipeline that loses nothing, whatever is done to it.
--
--   inbox/*.csv -> poller -> spool/csv/ -> transformer -> spool/json/ -> HTTP -> notifier -> records.jsonl
--
--   poller       a worker; takes each CSV file dropped into the inbox, checks it, and hands it over
--   transformer  a worker; turns a CSV file into JSON lines, and posts these to the notifier
--   notifier     a program, real Python; keeps the records and serves them: GET /records, GET /count
--
--   scripts/run examples/etl/tree.lua
--
-- It runs until Ctrl-C. What to try is printed at the start. The environment may say where things are:
--   ETL_DATA   the directory of inbox, spool and records   (luvisor-etl-UID in $TMPDIR or /tmp)
--   ETL_PORT   the notifier's port on 127.0.0.1            (8765)
--
-- Why nothing is lost or doubled: every step hands over by a rename, which either has happened or has not; a file is
-- removed only when the next one has its contents on disk; and a record has the same id however often it is sent, so
-- that the notifier drops what it has already.
--
-- Why it never gives up: restarts that happen at once count for the supervisor's intensity, 3 within 5 seconds, and the
-- fourth would end the tree. That is right where failing fast tells somebody something. Here no rate of failures
-- may stop the others, so every unit has a `backoff`: its restarts are paced by it, up to one second apart, and do not
-- count. For the same reason the notifier has a policy of its own: by default a program is FATAL after three retries of
-- a start that failed, and one that is killed again and again may well never be up for the second that `ready` asks.

local luvisor = require "luvisor"
local config = require "etl.config"

local restart = luvisor.restart

local pace = { min = 0.05, max = 1, factor = 2, jitter = 0.1, reset_after = 5 }

return luvisor.supervisor {
  name = "etl",
  -- What comes later in the pipeline is restarted with what comes before it, never the other way round.
  strategy = "rest_for_one",
  children = {
    luvisor.worker { name = "poller", module = "etl.poller", backoff = pace },
    luvisor.worker { name = "transformer", module = "etl.transformer", backoff = pace },
    luvisor.program {
      name = "notifier",
      command = { "python3", "-u", config.here .. "/notify.py" },
      env = { ETL_DATA = config.data, ETL_PORT = config.port },
      stdout = { prefix = true },
      stderr = "stdout",
      after = { poller = "ready" }, -- who makes the directories
      backoff = pace,
      restart = restart.always,
    },
  },
}
