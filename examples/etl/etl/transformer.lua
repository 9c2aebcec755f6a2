-- SPDX-License-Identifier: Apache-2.0
-- Turns CSV files into JSON lines, and delivers these. Each file goes through two renames and a removal, and the step
-- that was under way when the worker ended is done again from its beginning.

local worker = require "luvisor.worker"
local config = require "etl.config"
local csv = require "etl.csv"
local files = require "etl.files"
local http = require "etl.http"
local trouble = require "etl.trouble"

local Transformer = worker.define()

local function transform(self, name)
  local path = config.csv .. "/" .. name
  local rows, columns = csv.parse(assert(files.read(self, path)))
  if not rows then error(("%s: %s, though the poller let it pass"):format(name, columns)) end
  local lines = {}
  for number, row in ipairs(rows) do lines[number] = csv.json(("%s:%d"):format(name, number), columns, row) .. "\n" end
  trouble(self)
  files.write(self, config.json, (name:gsub("%.csv$", ".jsonl")), table.concat(lines))
  trouble(self)
  files.remove(self, path)
end

-- Whether the notifier has it all on disk now. That it is down is no failure of ours: it is tried again.
local function deliver(self, name)
  local path = config.json .. "/" .. name
  local status, answer = http.post(self, config.port, "/records", assert(files.read(self, path)))
  if status ~= 200 then
    if not self.waiting then self.log:warn("notifier: %s; %s waits", answer, name) end
    self.waiting = true
    return false
  end
  self.waiting = false
  trouble(self)
  files.remove(self, path)
  self.log:info("delivered %s: %s", name, answer)
  return true
end

Transformer:actor("running", { every = 0.2 }, function(self)
  if self.stopping then return "complete" end
  trouble(self)
  for _, name in ipairs(files.list(self, config.csv, ".csv")) do
    transform(self, name)
    self:beat()
  end
  for _, name in ipairs(files.list(self, config.json, ".jsonl")) do
    if not deliver(self, name) then break end
    self:beat()
  end
  return "keepalive"
end)

return Transformer
