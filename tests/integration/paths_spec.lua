-- SPDX-License-Identifier: Apache-2.0
-- Where a host keeps its files, and which directories it does not trust.

local account = require "host.account"
local host = require "host"
local paths = require "luvisor.edge.paths"
local uv = require "luv"

describe("paths", function()
  local directory

  before_each(function() directory = host.directory() end)
  after_each(host.clean_up)

  local function mode_of(path) return uv.fs_stat(path).mode & 511 end

  it("are in the runtime directory of the user, by the host's name", function()
    local found = paths.of({}, { XDG_RUNTIME_DIR = directory, HOME = "/nowhere" })
    assert.equal(directory .. "/luvisor/default.sock", found.socket)
    assert.equal(directory .. "/luvisor/default.lock", found.lock)
    assert.equal(directory .. "/luvisor/default.pid", found.pid)
    found = paths.of({ name = "etl" }, { XDG_RUNTIME_DIR = directory })
    assert.equal(directory .. "/luvisor/etl.sock", found.socket)
  end)

  it("are root's or in the home without one, or with somebody else's", function()
    local expected = account.own() == 0 and "/run/luvisor/default.sock" or directory .. "/.luvisor/default.sock"
    assert.equal(expected, paths.of({}, { HOME = directory }).socket)
    assert.equal(expected, paths.of({}, { HOME = directory, XDG_RUNTIME_DIR = "run" }).socket)
    assert.equal(expected, paths.of({}, { HOME = directory, XDG_RUNTIME_DIR = directory .. "/none" }).socket)
  end)

  it("lie beside a socket that is named; --socket and --name come before the environment", function()
    local environment = { LUVISOR_SOCKET = "/a/b.sock", XDG_RUNTIME_DIR = directory }
    assert.equal("/a/b.sock", paths.of({}, environment).socket)
    assert.equal("/a/b.pid", paths.of({}, environment).pid)
    assert.equal("/c/d", paths.of({ socket = "/c/d" }, environment).socket)
    assert.equal("/c/d.lock", paths.of({ socket = "/c/d" }, environment).lock)
    assert.equal(directory .. "/luvisor/x.sock", paths.of({ name = "x" }, environment).socket)
    assert.equal(uv.cwd() .. "/e.sock", paths.of({ socket = "e.sock" }, {}).socket)
  end)

  it("are refused where the socket's would be too long, or the name is none", function()
    local found, message, code = paths.of({ socket = "/" .. ("x"):rep(107) }, {})
    assert.is_nil(found)
    assert.equal("EINVAL", code)
    assert.truthy(message:find("107 bytes", 1, true))
    assert.truthy(paths.of({ socket = "/" .. ("x"):rep(106) }, {}))
    for _, name in ipairs { "", "a/b", "../x", ".x", ("x"):rep(65) } do
      assert.is_nil((paths.of({ name = name }, { HOME = "/" })), name)
    end
    for _, socket in ipairs { "", "/a/", "/a\0b" } do assert.is_nil((paths.of({ socket = socket }, {}))) end
  end)

  it("are told with the reason, and what to do, when they cannot be", function()
    local found = paths.of({}, { XDG_RUNTIME_DIR = directory })
    found.directory, found.advice = "/proc/none/luvisor", "XDG_RUNTIME_DIR is not set"
    local ok, message = paths.secure(found)
    assert.is_nil(ok)
    assert.truthy(message:find "^/proc/none/luvisor cannot be made for the control socket: ENOENT: ", message)
    assert.truthy(message:find " %(XDG_RUNTIME_DIR is not set%)$", message)
    for value, reason in pairs {
      [""] = "XDG_RUNTIME_DIR is not set", ["here"] = "XDG_RUNTIME_DIR is no absolute path (here)",
      ["/none"] = "XDG_RUNTIME_DIR is not there (/none)",
    } do
      local _, advice = paths.all({}, { XDG_RUNTIME_DIR = value, HOME = "/home/me" })
      assert.equal(reason .. ", HOME is /home/me: set XDG_RUNTIME_DIR to a directory of yours, or give --socket PATH",
        advice)
    end
  end)

  it("make a directory that only its owner may enter", function()
    local found = paths.of({}, { XDG_RUNTIME_DIR = directory })
    assert.is_true(paths.secure(found))
    assert.equal(448, mode_of(found.directory))
    assert.is_true(uv.fs_chmod(found.directory, 493))
    assert.is_true(paths.secure(found))
    assert.equal(448, mode_of(found.directory))
  end)

  it("refuse a directory in which others may write", function()
    local found = paths.of({}, { XDG_RUNTIME_DIR = directory })
    paths.secure(found)
    uv.fs_chmod(found.directory, 511)
    local ok, message, code = paths.secure(found)
    assert.is_nil(ok)
    assert.equal("EACCES", code)
    assert.truthy(message:find("others could write", 1, true), message)
  end)

  it("refuse a link in place of the directory", function()
    uv.fs_symlink(directory, directory .. "/luvisor")
    local ok, _, code = paths.secure(paths.of({}, { XDG_RUNTIME_DIR = directory }))
    assert.is_nil(ok)
    assert.equal("ENOTDIR", code)
  end)

  it("refuse another user's directory", function()
    if account.own() ~= 0 then return pending "takes root" end
    uv.fs_mkdir(directory .. "/luvisor", 448)
    uv.fs_chown(directory .. "/luvisor", 65534, 65534)
    local found = paths.of({}, { XDG_RUNTIME_DIR = directory })
    local ok, message, code = paths.secure(found)
    assert.is_nil(ok)
    assert.equal("EACCES", code)
    assert.truthy(message:find("belongs to user 65534", 1, true), message)
    found.given = true
    assert.is_nil((paths.secure(found)))
  end)
end)
