-- SPDX-License-Identifier: Apache-2.0
-- PID 1 of a container: one main program that the container is there for, and one beside it. The container ends, with
-- exit code 0, when the main program has ended well, and with 1 when it cannot be kept running; TERM, which container
-- runtimes send, stops both in order. Whatever the two leave behind is reaped.
--
--   sudo unshare --pid --fork --mount-proc build/release/luvisor run examples/init.lua; echo "exit code $?"
--
-- In a container file: ENTRYPOINT ["luvisor", "run", "/etc/init.lua"]. Try: kill -TERM 1 from inside of it.

local luvisor = require "luvisor"

return luvisor.supervisor {
  name = "init",
  auto_shutdown = "any_significant",
  children = {
    luvisor.program {
      name = "beside",
      command = "while :; do sleep 1 & wait; done", -- its sleeps end as orphans when it is killed
      shell = true,
    },
    luvisor.program {
      name = "main",
      command = { "sh", "-c", "(sleep 0.2 &); sleep 1; echo I am done" },
      stdout = { prefix = true },
      restart = "transient",
      significant = true,
      critical = true,
    },
  },
}
