-- SPDX-License-Identifier: Apache-2.0
-- What an env offers to find out how a program does: probes that answer when the spec says so, notifications and pipes
-- that the spec writes, memory that it sets.
--
-- fake.attempts lists the probes begun, each with probe, done(ok, message) and, when it was called off, cancelled.
-- fake.say(session, text) is a notification; fake.pipes lists pipes, each with write(text); fake.bytes is what is held.

local Program = require "luvisor.machine.program"
local fake_env = require "fake_env"
local fake_process = require "fake_process"
local unit = require "luvisor.machine.unit"

local fake_watch = {}

--- Adds them to an env.
---@param env table
---@return table fake
function fake_watch.add(env)
  local fake = { attempts = {}, listeners = {}, pipes = {}, bytes = 0 }

  function env.random() return 0 end
  function env.memory(_, done) done(fake.bytes) end

  env.probes = { run = function(_, options, probe, done)
    local attempt = { options = options, probe = probe, done = done }
    table.insert(fake.attempts, attempt)
    return function() attempt.cancelled = true end
  end }

  env.notifications = {
    address = function() return "@socket" end,
    hear = function(session, fn) fake.listeners[session] = fn end,
    forget = function(session) fake.listeners[session] = nil end,
  }

  env.pipes = { open = function(fn)
    local pipe = { write_end = 77, write = fn }
    function pipe.started() pipe.is_started = true end
    function pipe.close() pipe.closed = true end
    table.insert(fake.pipes, pipe)
    return pipe
  end }

  function fake.say(session, text)
    if fake.listeners[session] then fake.listeners[session](text) end
  end

  return fake
end

--- Starts a program in a fake env: unit, env, parent (told, exit, was_ready), child, fake.
function fake_watch.start(spec)
  spec.name, spec.kind, spec.command = "web", "program", { "web" }
  local env, parent = fake_env.new { process = fake_process.new() }, { told = {} }
  local fake = fake_watch.add(env)
  function parent:child_ready() table.insert(self.told, "ready") end
  function parent:child_ended(_, why, ready)
    table.insert(self.told, "ended")
    self.exit, self.was_ready = why, ready
  end
  function parent:child_stopped(_, why) table.insert(self.told, "stopped"); self.exit = why end
  local self = unit.new(Program, env, spec, parent)
  unit.start(self)
  return self, env, parent, env.process.spawned[1], fake
end

return fake_watch
