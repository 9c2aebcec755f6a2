-- SPDX-License-Identifier: Apache-2.0
local parse = require("luvisor.core.notification").parse

describe("notification.parse", function()
  it("reads what sd_notify(3) knows", function()
    assert.same({
      ready = true, stopping = true, reloading = true, status = "up = yes", watchdog = "alive", watchdog_seconds = 2.5,
      extend_seconds = 1, main_pid = 42, errno = 2,
    }, parse("READY=1\nSTOPPING=1\nRELOADING=1\nSTATUS=up = yes\nWATCHDOG=1\nWATCHDOG_USEC=2500000\n"
      .. "EXTEND_TIMEOUT_USEC=1000000\nMAINPID=42\nERRNO=2\nBARRIER=1\nX_OWN=1\n"))
    assert.equal("trigger", parse("WATCHDOG=trigger").watchdog)
  end)

  it("leaves out what makes no sense", function()
    for _, text in ipairs { "", "READY", "READY=0", "READY=", "ready=1", " READY=1", "MAINPID=-1", "MAINPID=1x",
      "MAINPID=99999999999", "ERRNO=0x10", "WATCHDOG_USEC=1e9", "EXTEND_TIMEOUT_USEC=99999999999999999999",
      "WATCHDOG=2", "\0\1\2" } do
      assert.same({}, parse(text), text)
    end
  end)

  it("lets no status spoil a log", function()
    assert.equal("a?[31mb", parse("STATUS=a\27[31mb").status)
    assert.equal(200, #parse("STATUS=" .. ("x"):rep(4000)).status)
  end)
end)
