-- SPDX-License-Identifier: Apache-2.0
-- The tree that is tormented: CHAOS_DIR is where its programs meet, CHAOS_LOGS where their output goes, and
-- CHAOS_DIR/variant says which of its forms it has at the moment.

local luvisor = require "luvisor"

local dir, logs, victim = os.getenv "CHAOS_DIR", os.getenv "CHAOS_LOGS", os.getenv "CHAOS_VICTIM"

local orphans = os.getenv "CHAOS_ORPHANS" -- a control arm has "warn"

local function read_variant()
  local file = io.open(dir .. "/variant")
  local text = file and file:read "n" or 0
  if file then file:close() end
  return math.tointeger(text) or 0
end

local variant = read_variant()
local FOREVER = { restarts = 100000, within = 1 }

--- A program: options of the victim, and keys of the unit.
local function program(name, options, keys)
  local command = { victim, dir, name, table.unpack(options) }
  local spec = {
    name = name, command = command, ready = { after = 0.1 }, stop = { timeout = 1 }, restart = luvisor.restart.always,
    backoff = { min = 0.05, max = 0.5 }, stdout = "null", stderr = "null", orphans = orphans,
  }
  for key, value in pairs(keys or {}) do spec[key] = value end
  return luvisor.program(spec)
end

local function log_of(name)
  return { file = ("%s/%s.log"):format(logs, name), max_size = 20000, keep = 2 }
end

local function worker(name, executor)
  return luvisor.worker {
    name = name, module = "units.beater", executor = executor, args = { dir = dir }, shutdown = 2,
    backoff = { min = 0.05, max = 0.5 },
  }
end

local function counted()
  return program("many", {}, {
    count = 3, command = function(i) return { victim, dir, "many:" .. i, "children=1" } end,
  })
end

local children = {
  program("plain", {}),
  program("family", { "children=2" }),
  program("stubborn", { "children=1", "stubborn=1" }),
  program("escaping", { "children=1", "escape=1" }),
  program("talking", { "say=100" }, { stdout = log_of "talking" }),
  program("shouting", { "say=3000", "children=1" }, { stdout = log_of "shouting", stderr = "stdout" }),
  program("crashing", { "crash=2000" }),
  program("telling", { "notify=1" }, { ready = { notify = true }, start_timeout = 10 }),
  program("checked", { "listen=1" }, {
    ready = { tcp = { path = dir .. "/checked.sock" } }, start_timeout = 10,
    health = { exec = { "test", "!", "-e", dir .. "/ill" }, every = 0.3, timeout = 5, retries = 2, grace = 0.3 },
  }),
  program("changing", {}, { env = { VARIANT = variant } }),
  counted(),
  worker("coroutine", "coroutine"),
  luvisor.supervisor {
    name = "inner", strategy = "rest_for_one", intensity = FOREVER,
    children = {
      program("first", { "children=1" }),
      program("second", { "notify=1" }, { ready = { notify = true }, start_timeout = 10, after = { first = "ready" } }),
      worker("thread", "thread"),
      luvisor.supervisor {
        name = "core", strategy = "one_for_all", intensity = FOREVER,
        children = { program("left", {}), program("right", { "children=1" }) },
      },
    },
  },
  worker("process", "process"),
}

if variant % 2 == 1 then children[#children + 1] = program("extra", { "children=1" }) end

return luvisor.supervisor { name = "top", intensity = FOREVER, children = children }
