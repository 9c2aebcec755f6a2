-- SPDX-License-Identifier: Apache-2.0
-- Those who are measured: how each is told to keep N beacons alive, how it is started, asked and stopped.
--
-- A system has `needs`, a program that has to be there, and setup(job) -> command of its supervising process. A job
-- has `dir`, `count`, `limits` (directory of beacon and respawner), `command(i)` of the i-th beacon, and `log`:
-- whether output is captured into files of 1 MB that are rotated. `status(job)` is the command that asks how all are,
-- `stop` the signal that stops them all. One that is `paced` waits a second before it starts anything again.

local uv = require "luv"

local systems = {}

local function write(path, text, mode)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  if mode then uv.fs_chmod(path, mode) end
end

local function words(command)
  return table.concat(command, " ")
end

-- ---- luvisor

systems.luvisor = { stop = "sigterm" }

function systems.luvisor.setup(job)
  local lines = { 'local luvisor = require "luvisor"', "return luvisor.supervisor { name = 'top', children = {" }
  for i = 1, job.count do
    lines[#lines + 1] = ([[luvisor.program { name = "p%d", command = %q, ready = { after = 0 }, stdout = %s,
      stderr = "null", restart = luvisor.restart.always,
      backoff = { min = 0, max = 0 } },]]):format(i, words(job.command(i)),
      job.log and ('{ file = "%s/log%d", max_size = "1MB", keep = 2 }'):format(job.dir, i) or '"null"')
  end
  lines[#lines + 1] = "}, intensity = { restarts = 1000000, within = 1 } }"
  write(job.dir .. "/tree.lua", table.concat(lines, "\n"))
  return { uv.exepath(), "run", "--socket", job.dir .. "/socket", "--log-level", "error", job.dir .. "/tree.lua" }
end

function systems.luvisor.status(job)
  return { uv.exepath(), "status", "--socket", job.dir .. "/socket" }
end

-- ---- supervisord

systems.supervisord = { needs = "supervisord", paced = true, stop = "sigterm" }

function systems.supervisord.setup(job)
  local lines = {
    "[unix_http_server]", ("file=%s/socket"):format(job.dir), "[supervisord]", "nodaemon=true", "minfds=8192",
    ("logfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/pid\nchildlogdir=%s"):format(job.dir, job.dir),
    "[rpcinterface:supervisor]",
    "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface", "[supervisorctl]",
    ("serverurl=unix://%s/socket"):format(job.dir),
  }
  for i = 1, job.count do
    lines[#lines + 1] = ("[program:p%d]\ncommand=%s\nautorestart=true\nstartsecs=0\nstderr_logfile=NONE")
      :format(i, words(job.command(i)))
    lines[#lines + 1] = job.log and ("stdout_logfile=%s/log%d\nstdout_logfile_maxbytes=1MB\nstdout_logfile_backups=2")
      :format(job.dir, i) or "stdout_logfile=NONE"
  end
  write(job.dir .. "/supervisord.conf", table.concat(lines, "\n") .. "\n")
  return { "supervisord", "-c", job.dir .. "/supervisord.conf" }
end

function systems.supervisord.status(job)
  return { "supervisorctl", "-c", job.dir .. "/supervisord.conf", "status" }
end

-- ---- runit and s6: a directory for each service, with a script that runs it and one for its log

local function services(job, logger)
  local dir = job.dir .. "/services"
  uv.fs_mkdir(dir, 493)
  for i = 1, job.count do
    local service = ("%s/p%d"):format(dir, i)
    uv.fs_mkdir(service, 493)
    write(service .. "/run", "#!/bin/sh\nexec " .. words(job.command(i)) .. "\n", 493)
    if job.log then
      uv.fs_mkdir(service .. "/log", 493)
      uv.fs_mkdir(service .. "/main", 493)
      write(service .. "/main/config", "s1000000\nn3\n")
      write(service .. "/log/run", ("#!/bin/sh\nexec %s %s/main\n"):format(logger, service), 493)
    end
  end
  return dir
end

systems.runit = { needs = "runsvdir", paced = true, stop = "sighup" }

function systems.runit.setup(job)
  return { "runsvdir", services(job, "svlogd") }
end

function systems.runit.status(job)
  return { "sh", "-c", ("sv status %s/services/*"):format(job.dir) }
end

systems.s6 = { needs = "s6-svscan", paced = true, stop = "sigterm" }

function systems.s6.setup(job)
  return { "s6-svscan", "-c", tostring(job.count * 2 + 10), services(job, "s6-log n3 s1000000") }
end

function systems.s6.status(job)
  return { "sh", "-c", ("for s in %s/services/*; do s6-svstat $s; done"):format(job.dir) }
end

-- ---- what nobody can do for less

systems.limit = { stop = "sigterm" }

function systems.limit.setup(job)
  local command = job.command(0) -- beacon, fifo, number, and what it is to say
  return { job.limits .. "/respawner", tostring(job.count), job.log and job.dir .. "/log1" or "-", command[1],
    command[2], command[4], command[5] }
end

return systems
