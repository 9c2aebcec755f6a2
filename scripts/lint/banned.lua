-- SPDX-License-Identifier: Apache-2.0
-- Calls that are not to be made: each with the files it concerns, those that may, and why.

local source = require("lint.source")

local banned = {}

local wall_clock = { "^lua/edge/log", "^lua/edge/calendar", "^lua/edge/annals", "^lua/edge/client/history" }

local rules = {
  {
    language = "c", pattern = "%f[%w_]waitpid%s*%(%s*%-%s*1",
    why = "waitpid(-1) reaps children of others; wait for a pidfd",
  },
  { language = "c", pattern = "%f[%w_]wait%s*%(", why = "wait() reaps children of others; wait for a pidfd" },
  { language = "c", pattern = "%f[%w_]system%s*%(", why = "system() blocks the loop and runs a shell" },
  { language = "c", pattern = "%f[%w_]popen%s*%(", why = "popen() blocks the loop and runs a shell" },
  { language = "c", pattern = "%f[%w_]pthread_cancel%s*%(", why = "a cancelled thread leaves its locks behind" },
  {
    language = "c", pattern = "%f[%w_]CLOCK_REALTIME%f[^%w_]",
    except = { "^host/api/system%.c$", "^host/base/stamp%.c$" },
    why = "the wall clock jumps; only system.wall and stamp, for logs, may ask for it",
  },
  { language = "c", pattern = "%f[%w_]gettimeofday%s*%(", why = "the wall clock jumps" },
  { language = "c", pattern = "%f[%w_]time%s*%(%s*[N&0]", why = "the wall clock jumps" },
  { language = "c", pattern = "%f[%w_]strcpy%s*%(", why = "strcpy() knows no bounds" },
  { language = "c", pattern = "%f[%w_]strcat%s*%(", why = "strcat() knows no bounds" },
  { language = "c", pattern = "%f[%w_]v?sprintf%s*%(", why = "sprintf() knows no bounds" },
  {
    language = "lua", pattern = "%f[%w_]os%.execute%f[^%w_]", except = "^lua/edge/",
    why = "os.execute blocks the loop; only lua/edge may",
  },
  {
    language = "lua", pattern = "%f[%w_]io%.popen%f[^%w_]", except = "^lua/edge/",
    why = "io.popen blocks the loop; only lua/edge may",
  },
  {
    language = "lua", pattern = "%f[%w_]os%.exit%f[^%w_]", except = "^lua/edge/",
    why = "only lua/edge ends the process",
  },
  {
    language = "lua", pattern = "%f[%w_]os%.time%f[^%w_]", except = wall_clock,
    why = "the wall clock jumps; only the log, the history and the calendar may ask for it",
  },
  {
    language = "lua", pattern = "%f[%w_]system%.wall%f[^%w_]", except = wall_clock,
    why = "the wall clock jumps; only the log, the history and the calendar may ask for it",
  },
  {
    language = "lua", pattern = "%f[%w_]os%.date%f[^%w_]", except = { "^lua/edge/log", "^lua/edge/calendar" },
    why = "the wall clock jumps; only the log and the calendar may ask for it",
  },
  {
    language = "lua", pattern = "%f[%w_]os%.[%a_]+", only = "^lua/core/",
    why = "lua/core is pure: what it needs to know is handed in",
  },
  {
    language = "lua", pattern = "%f[%w_]io%.[%a_]+", only = "^lua/core/",
    why = "lua/core is pure: what it needs to know is handed in",
  },
}

local function is_excepted(rule, path)
  local patterns = type(rule.except) == "string" and { rule.except } or rule.except or {}
  for _, pattern in ipairs(patterns) do
    if path:match(pattern) then return true end
  end
  return false
end

local function applies(rule, path, language)
  return rule.language == language and (not rule.only or path:match(rule.only) ~= nil) and
    not is_excepted(rule, path)
end

--- Checks host/ and lua/; examples, scripts and tests may do as they like, and lua/meta only names things.
---@param files table<string, string> path -> text
---@param report fun(path: string, line: integer, problem: string)
function banned.check(files, report)
  for path, text in pairs(files) do
    local language = source.language(path)
    if path:match("^host/") or path:match("^lua/") and not path:match("^lua/meta/") then
      for number, line in source.lines(source.code(text, language)) do
        for _, rule in ipairs(rules) do
          if applies(rule, path, language) and line:match(rule.pattern) then report(path, number, rule.why) end
        end
      end
    end
  end
end

return banned
