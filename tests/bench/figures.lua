-- SPDX-License-Identifier: Apache-2.0
-- The figures: what each is called, how the three sides are asked for it, and what is to be reached.
--
--   name, title   title is for people
--   arguments     of the drivers, the same for all: N and, where there is one, seconds or samples
--   sides         which of luvisor, otp and limit can be asked
--   flags         of OTP's emulator, besides the usual ones
--   rows          what a driver reports: key, title, unit, and `ratio` to OTP or a bare `value` to be reached, either
--                 of which may be "at least" instead of "at most"

-- The emulator's threads spin for a while before they sleep; that is not the work that is measured.
local NO_SPINNING = { "+sbwt", "none", "+sbwtdcpu", "none", "+sbwtdio", "none" }

local ALL = { "luvisor", "otp", "limit" }

local function restart(n, title)
  return {
    name = "restart_" .. n, driver = "restart", title = "crash to running again, " .. title, sides = ALL,
    arguments = { n, 2000 },
    rows = {
      { key = "restart.p50", title = "p50", unit = "us", ratio = 0.2 },
      { key = "restart.p99", title = "p99", unit = "us" },
    },
  }
end

return {
  {
    name = "start", title = "start of 100,000 workers in a pool", sides = ALL, arguments = { 100000 },
    rows = {
      { key = "start.time", title = "time of each", unit = "us", ratio = 0.6 },
      { key = "start.memory", title = "resident, each", unit = "B", ratio = 0.7 },
    },
  },
  restart(100, "100 children"),
  restart(10000, "10,000 children"),
  {
    name = "sustained", title = "100 crashing children of one supervisor", sides = ALL, arguments = { 100, 3 },
    rows = { { key = "sustained.rate", title = "restarts a second", unit = "1/s", ratio = 30, at_least = true } },
  },
  {
    name = "one_for_all", title = "one_for_all of 1,000", sides = ALL, arguments = { 1000, 20 },
    rows = { { key = "one_for_all.time", title = "crash to last running", unit = "ms", ratio = 0.25 } },
  },
  {
    name = "heartbeat", title = "100,000 workers beating once a second", sides = ALL, arguments = { 100000, 8 },
    flags = NO_SPINNING,
    rows = {
      { key = "heartbeat.cpu", title = "of one CPU", unit = "%", ratio = 0.25 },
      { key = "heartbeat.beat", title = "CPU of a beat", unit = "us" },
    },
  },
  {
    name = "late", title = "missed heartbeat found late", sides = { "luvisor", "otp" }, arguments = { 200 },
    rows = {
      { key = "late.p50", title = "p50", unit = "ms" },
      { key = "late.p99", title = "p99", unit = "ms", value = 2 },
    },
  },
  {
    name = "message", title = "messages between workers, copied", sides = { "luvisor", "otp" },
    arguments = { 200000, 100 },
    rows = {
      { key = "call.one", title = "call, one caller", unit = "us", ratio = 0.5 },
      { key = "call.many", title = "call, 100 callers", unit = "us", ratio = 0.5 },
      { key = "cast.one", title = "cast", unit = "us", ratio = 1 },
    },
  },
  {
    name = "pause", title = "100,000 workers, collector at work", sides = { "luvisor" }, arguments = { 100000, 2 },
    rows = { { key = "pause.worst", title = "longest wait for a turn", unit = "ms", value = 20 } },
  },
  {
    name = "thread", title = "workers on threads", sides = { "luvisor", "limit" }, arguments = { 200, 5000 },
    rows = {
      { key = "thread.start", title = "start of each of many at once", unit = "us" },
      { key = "thread.again", title = "one that has ended started again", unit = "us" },
      { key = "thread.trip", title = "a call there and back", unit = "us" },
    },
  },
  {
    name = "process", title = "workers in processes", sides = { "luvisor", "limit" }, arguments = { 50, 5000 },
    rows = {
      { key = "process.start", title = "start of each of many at once", unit = "us" },
      { key = "process.again", title = "one that has ended started again", unit = "us" },
      { key = "process.trip", title = "a call there and back", unit = "us" },
    },
  },
  {
    name = "speed", title = "computing in a watched worker, against lua5.4", sides = { "luvisor" },
    arguments = { 100 },
    rows = {
      { key = "speed.fib", title = "recursion", unit = "x", value = 1.02 },
      { key = "speed.methods", title = "method calls", unit = "x", value = 1.02 },
      { key = "speed.resume", title = "resume and yield", unit = "x" },
    },
  },
  {
    name = "runaway", title = "1,000 workers beside one that never gives way", sides = { "luvisor" },
    arguments = { 1000, 3 },
    rows = {
      { key = "runaway.late", title = "latest turn", unit = "ms", value = 50 },
      { key = "runaway.looks", title = "looks while all is quiet", unit = "1/s", value = 10 },
    },
  },
  {
    name = "runaway_status", title = "status of them over the control socket", sides = { "luvisor" },
    arguments = { 1000, 200 },
    rows = {
      { key = "runaway_status.p50", title = "p50", unit = "ms" },
      { key = "runaway_status.most", title = "the longest", unit = "ms", value = 50 },
    },
  },
  {
    name = "status", title = "status of 1,000 units over the control socket", sides = { "luvisor" },
    arguments = { 1000, 200 },
    rows = {
      { key = "status.p50", title = "p50", unit = "ms" },
      { key = "status.p99", title = "p99", unit = "ms", value = 50 },
      { key = "status.busy_p99", title = "p99 with a reload under way", unit = "ms", value = 50 },
      { key = "status.busy_most", title = "the longest of these", unit = "ms" },
      { key = "status.raw_p99", title = "p99 of as many bytes, echoed", unit = "ms" },
      { key = "status.cpu", title = "CPU of the host, each", unit = "ms" },
      { key = "status.ratio", title = "p50 to the echo's", unit = "x" },
    },
  },
  {
    name = "cold", title = "cold start", sides = ALL, arguments = { 20 },
    rows = { { key = "cold.start", title = "to first worker running", unit = "ms", value = 10 } },
  },
}
