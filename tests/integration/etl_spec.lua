-- SPDX-License-Identifier: Apache-2.0
-- examples/etl loses no record and doubles none, whatever is done to it.
-- ETL_KILLS says how much is done to it (25), ETL_SEED in which order.

local host = require "host"
local uv = require "luv"

local KILLS = math.tointeger(tonumber(os.getenv "ETL_KILLS" or 25))
local SEED = math.tointeger(tonumber(os.getenv "ETL_SEED" or 20260101))

---@class Pipeline a running examples/etl
local Pipeline = {}
Pipeline.__index = Pipeline

local function start(tree, env)
  local self = setmetatable({ expected = {}, dropped = 0 }, Pipeline)
  self.data = host.directory()
  self.port = host.free_port()
  self.env = { ETL_DATA = self.data, ETL_PORT = tostring(self.port) }
  for name, value in pairs(env or {}) do self.env[name] = value end
  self.process = host.spawn({ "run", tree or "examples/etl/tree.lua" }, self.env)
  self.process:expect("notifier | serving", 20)
  return self
end

function Pipeline:path(name) return self.data .. "/" .. name end

--- Drops a CSV file with some rows; `key` of each is there only once.
function Pipeline:drop(rows)
  self.dropped = self.dropped + 1
  local lines = { "key,text" }
  for row = 1, rows do
    local key = ("%d-%d"):format(self.dropped, row)
    self.expected[key] = true
    lines[#lines + 1] = key .. ',"some ""text"", with a comma"'
  end
  host.write(self:path("inbox/%d.part"):format(self.dropped), table.concat(lines, "\n") .. "\n")
  uv.fs_rename(self:path("inbox/%d.part"):format(self.dropped), self:path("inbox/%d.csv"):format(self.dropped))
end

function Pipeline:touch(name) host.write(self:path("inbox/" .. name), "") end

function Pipeline:exists(name) return uv.fs_stat(self:path(name)) ~= nil end

function Pipeline:files(directory)
  local names, scan = {}, uv.fs_scandir(self:path(directory))
  for name in function() return uv.fs_scandir_next(scan) end do names[#names + 1] = name end
  return names
end

function Pipeline:notifier_pid()
  local pid
  for found in self.process:output():gmatch "notifier STOPPED %-> STARTING %(pid (%d+)%)" do pid = found end
  return math.tointeger(pid)
end

--- How often each key was delivered, and the lines that are no records.
function Pipeline:delivered()
  local counts, others = {}, {}
  for line in (host.read(self:path "records.jsonl") or ""):gmatch "[^\n]*\n?" do
    local key = line:match '^{"fields": {"key": "([^"]+)", "text": "some \\"text\\", with a comma"}, "id": "[^"]+"}\n$'
    if key then counts[key] = (counts[key] or 0) + 1 elseif line ~= "" then others[#others + 1] = line end
  end
  return counts, others
end

local function is_complete(self)
  local counts = self:delivered()
  for key in pairs(self.expected) do
    if not counts[key] then return false end
  end
  for _, directory in ipairs { "claimed", "spool/csv", "spool/json" } do
    if #self:files(directory) > 0 then return false end
  end
  return true
end

--- All that was dropped arrives, each record once, and nothing else.
function Pipeline:assert_exactly_once(seconds)
  local complete = host.wait_until(function() return is_complete(self) end, seconds or 20)
  if not complete then error("not everything arrived:\n" .. self.process:output():sub(-4000), 2) end
  local counts, others = self:delivered()
  assert.same({}, others)
  for key, count in pairs(counts) do
    assert(self.expected[key], "not sent: " .. key)
    assert(count == 1, ("%s arrived %d times"):format(key, count))
  end
end

--- What the notifier answers to a GET; nil when it is not there.
function Pipeline:get(path)
  local socket, text, over = uv.new_tcp(), "", false
  socket:connect("127.0.0.1", self.port, function(err)
    if err then over = true return end
    socket:write(("GET %s HTTP/1.0\r\n\r\n"):format(path))
    socket:read_start(function(read_err, chunk)
      if read_err or not chunk then over = true else text = text .. chunk end
    end)
  end)
  host.wait_until(function() return over end, 5)
  socket:close()
  return text:match "^HTTP/1%.0 200 .-\r\n\r\n(.*)$"
end

function Pipeline:wait_gone(name, seconds)
  local gone = host.wait_until(function() return not self:exists("inbox/" .. name) end, seconds or 20)
  assert(gone, name .. " was never taken:\n" .. self.process:output():sub(-4000))
end

function Pipeline:stop()
  return self.process:stop(20)
end

-- ---- what can be done to it

local trouble = {}

local function at_worker(name)
  return function(self)
    self:wait_gone(name) -- the last one was noticed
    self:touch(name)
  end
end

trouble["exception in the poller"] = at_worker "poller.boom"
trouble["exception in the transformer"] = at_worker "transformer.boom"
trouble["stalled poller"] = at_worker "poller.stall"
trouble["stalled transformer"] = at_worker "transformer.stall"

trouble["bad CSV"] = function(self)
  self.bad = (self.bad or 0) + 1
  host.write(self:path("inbox/bad-%d.csv"):format(self.bad), "a,b\n1\n")
end

local function hit_notifier(self, signal, is_worth_it)
  local hit = host.wait_until(function()
    local pid = self:notifier_pid()
    return is_worth_it(pid) and uv.kill(pid, signal) == 0 and pid
  end, 20)
  assert(hit, "the notifier never came back:\n" .. self.process:output():sub(-4000))
  return hit
end

trouble["kill -9 of the notifier"] = function(self)
  self.killed = hit_notifier(self, "sigkill", function(pid) return pid ~= self.killed end)
end

-- One that serves nobody yet would not be missed.
trouble["frozen notifier"] = function(self)
  self.frozen = hit_notifier(self, "sigstop", function(pid)
    return pid ~= self.frozen and pid ~= self.killed and self.process:output():find("pid " .. pid .. "\n", 1, true)
  end)
end

local function sorted_names()
  local names = {}
  for name in pairs(trouble) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- ---- the tests

describe("examples/etl", function()
  local pipeline

  after_each(function()
    host.clean_up()
    pipeline = nil
  end)

  it("says what to try, delivers what is dropped, and ends well", function()
    pipeline = start()
    pipeline.process:expect "poller try: +cp (%S+/sample%.csv) "
    pipeline:drop(3)
    pipeline:drop(200)
    pipeline:assert_exactly_once()
    assert.equal("203\n", pipeline:get "/count")
    assert.equal(host.read(pipeline:path "records.jsonl"), pipeline:get "/records")
    assert.equal(0, pipeline:stop())
  end)

  it("delivers the sample", function()
    pipeline = start()
    host.write(pipeline:path "inbox/sample.csv", host.read(host.root .. "/examples/etl/sample.csv"))
    pipeline.process:expect "transformer delivered %d+%-sample%.jsonl: 4 new, 0 known"
    local text = pipeline:get "/records"
    assert.truthy(text:find('"name": "Hopper, G."', 1, true))
    assert.truthy(text:find([["name": "Edsger \"EWD\" Dijkstra"]], 1, true))
  end)

  it("goes on where it was when it is started again", function()
    pipeline = start()
    pipeline:drop(5)
    pipeline:assert_exactly_once()
    pipeline.process:stop(20)
    pipeline:drop(5)
    pipeline.process = host.spawn({ "run", "examples/etl/tree.lua" }, pipeline.env)
    pipeline:assert_exactly_once()
  end)

  for _, name in ipairs(sorted_names()) do
    it("survives: " .. name, function()
      pipeline = start()
      pipeline:drop(3)
      trouble[name](pipeline)
      pipeline:drop(3)
      pipeline:assert_exactly_once()
      if pipeline.bad then
        pipeline.process:expect "rejected %d+%-bad%-1%.csv: line 2: 1 fields, 2 columns"
        assert.equal(2, #pipeline:files "rejected")
        assert.equal(0, pipeline.process:count "ended: ")
      else
        pipeline.process:expect("etl/%w+ ended: ", 20)
        pipeline.process:expect("notifier STARTING %-> RUNNING", 20, 1)
      end
      assert.equal(0, pipeline:stop())
    end)
  end

  it("rejects whatever is no good CSV", function()
    pipeline = start()
    local bad = {
      empty = "", quote = 'a,b\n"1,2\n', after_quote = 'a,b\n"1"2,3\n', width = "a,b\n1,2,3\n", bytes = "a\n\xFF\n",
      columns = "a,a\n1,2\n", large = "a\n" .. ("x\n"):rep(3 * 1024 * 1024),
    }
    for name, text in pairs(bad) do host.write(pipeline:path("inbox/" .. name .. ".csv"), text) end
    uv.fs_mkdir(pipeline:path "inbox/directory.csv", 493)
    pipeline:drop(2)
    for name in pairs(bad) do pipeline.process:expect("rejected %d+%-" .. name .. "%.csv: ") end
    pipeline:assert_exactly_once()
    assert.equal(0, pipeline.process:count "ended: ")
  end)

  it(("survives %d random kills"):format(KILLS), function()
    pipeline = start()
    math.randomseed(SEED)
    local names, done = sorted_names(), {}
    for _ = 1, KILLS do
      local name = names[math.random(#names)]
      pipeline:drop(math.random(20))
      trouble[name](pipeline)
      done[name] = (done[name] or 0) + 1
      host.stay(math.random() * 0.3)
    end
    for _, name in ipairs { "poller.boom", "poller.stall", "transformer.boom", "transformer.stall" } do
      pipeline:wait_gone(name)
    end
    pipeline:drop(1) -- so that a frozen notifier is missed
    pipeline:assert_exactly_once(60)
    assert.equal(2 * (done["bad CSV"] or 0), #pipeline:files "rejected")
    assert.truthy(host.wait_until(function() return pipeline:get "/count" end, 20))
    assert.equal(0, pipeline:stop())
    assert.is_nil(pipeline.process:output():find "gives up")
  end)

  -- The control arm: it is the backoff that keeps the tree alive.
  it("would give up without its backoff", function()
    local directory = host.directory()
    local text = host.read(host.root .. "/examples/etl/tree.lua")
    local changed, count = text:gsub('(module = "[^"]+"), backoff = pace', "%1")
    assert.equal(2, count)
    host.write(directory .. "/tree.lua", changed)
    host.write(directory .. "/notify.py", host.read(host.root .. "/examples/etl/notify.py"))
    pipeline = start(directory .. "/tree.lua", { LUA_PATH = host.root .. "/examples/etl/?.lua", LUVISOR_WITHIN = "60" })
    for _ = 1, 4 do
      pipeline:wait_gone "poller.boom"
      pipeline:touch "poller.boom"
    end
    assert.equal(1, (pipeline.process:wait(20)))
    pipeline.process:expect "gives up: error: more than 3 restarts within 60 s"
  end)
end)
