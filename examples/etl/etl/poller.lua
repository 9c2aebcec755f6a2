-- SPDX-License-Identifier: Apache-2.0
-- Takes CSV files out of the inbox. A file is claimed under a name that no other file ever has, checked, and then
-- handed over or rejected; each of these is one rename. What was claimed when the worker ended is looked at again.

local worker = require "luvisor.worker"
local config = require "etl.config"
local csv = require "etl.csv"
local files = require "etl.files"
local trouble = require "etl.trouble"
local uv = require "luv"

local LARGEST = 4 * 1024 * 1024 -- what can be parsed between two heartbeats, by far

local Poller = worker.define()

local function greet(self)
  self.log:info("try:  cp %s/sample.csv %s", config.here, config.inbox)
  self.log:info("then: curl http://127.0.0.1:%s/records   (or cat %s/records.jsonl)", config.port, config.data)
  self.log:info("and:  kill -9 PID, the notifier's; it is in the log")
  self.log:info("and:  touch %s/transformer.boom %s/poller.stall", config.inbox, config.inbox)
  self.log:info("and:  echo '\"' > %s/bad.csv; ls %s", config.inbox, config.rejected)
end

Poller:actor("starting", function(self)
  for _, name in ipairs { "inbox", "claimed", "rejected", "csv", "json" } do files.make_directory(config[name]) end
  self.seen = {}
  if self.generation == 1 then greet(self) end
  return "run"
end)

-- Whoever drops a file may still be writing it: it is taken when it has not changed from one look to the next.
local function claim(self, name)
  local path = config.inbox .. "/" .. name
  local version = files.version(path)
  if not version or self.seen[name] ~= version then
    self.seen[name] = version
    return
  end
  self.seen[name] = nil
  local seconds, microseconds = uv.gettimeofday()
  local unique = ("%d%06d-%s"):format(seconds, microseconds, name:gsub("[^%w_.-]", "_"))
  files.move(self, path, config.claimed .. "/" .. unique)
end

local function reject(self, name, reason)
  self.log:warn("rejected %s: %s", name, reason)
  files.write(self, config.rejected, name .. ".reason", reason .. "\n")
  files.move(self, config.claimed .. "/" .. name, config.rejected .. "/" .. name)
end

local function hand_over(self, name)
  local text, rows, problem
  text, problem = files.read(self, config.claimed .. "/" .. name, LARGEST)
  if text then rows, problem = csv.parse(text) end
  trouble(self)
  if not rows then return reject(self, name, problem) end
  files.move(self, config.claimed .. "/" .. name, config.csv .. "/" .. name)
  self.log:info("took %s, %d rows", name, #rows)
end

Poller:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  trouble(self)
  for _, name in ipairs(files.list(self, config.inbox, ".csv")) do
    claim(self, name)
    self:beat()
  end
  for _, name in ipairs(files.list(self, config.claimed, ".csv")) do
    hand_over(self, name)
    self:beat()
  end
  return "keepalive"
end)

return Poller
