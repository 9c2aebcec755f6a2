---@meta host.process

-- Programs: launching them, and knowing when nothing of them is left. A program is the leader of a session of its own;
-- everybody in that session is a member of it. Main thread only.

---@class host.process
---@field instance string a text that no other host on this machine has had since it booted
local process = {}

---@class host.process.Lines a table for a stream; at least one of file, prefix, timestamp, json
---@field file? string       appended to, and rotated; without it lines go to the host's own stdout
---@field max_size? integer  bytes before it is rotated; 0, the default: never
---@field keep? integer      rotated files kept; 10
---@field max_age_ms? integer rotated when it is older; 0, the default: never
---@field gzip? boolean      what is rotated is compressed
---@field syslog? { path: string, ident: string, priority: integer } in place of a file: the system's log
---@field prefix? string     before each line
---@field timestamp? boolean before the prefix
---@field json? string       each line a JSON object, with this as the unit's name
---@field lines? boolean     whole lines only, as any of the three above has it; else bytes as they come

---@alias host.process.Stream "inherit"|"null"|host.process.Lines|fun(lines: string) a function gets whole lines
---@alias host.process.Signal string|integer "TERM", "SIGTERM" or 15

---@class host.process.Options
---@field command string[]       the program, looked up in the PATH of `env` unless it has a slash, and its arguments
---@field env string[]           the whole environment, as "NAME=value"
---@field cwd? string            the host's if absent
---@field argv0? string          what the program is told of its name, in place of command[1]
---@field stdin? "null"|"inherit"|{ file: string } null
---@field stdout? host.process.Stream inherit
---@field stderr? host.process.Stream|"stdout" inherit; "stdout" is wherever stdout goes
---@field umask? integer
---@field nice? integer          absolute, -20 to 19
---@field limits? table<string, number|number[]> by resource ("nofile"): both limits, or { soft, hard }; math.huge: none
---@field uid? integer
---@field gid? integer
---@field groups? integer[]      none if absent and uid or gid is given
---@field oom_score? string      for oom_score_adj
---@field cgroups? string[]      the cgroup.procs of the groups to enter
---@field no_new_privs? boolean
---@field die_with_host? boolean true: SIGKILL when the host dies
---@field fds? table<integer, integer> what the program has besides 0, 1 and 2: its number (3 or more) to the host's
---@field marked? boolean         `env` has a LUVISOR_UNIT of this program alone: who has it is a member in any session
---@field listen_pid? boolean     adds LISTEN_PID to the environment
---@field drain_timeout? number  how long output is read when all members are gone and somebody else holds the pipe; 1
---@field previous? host.process.Child what it wrote is the past of what this one writes, for tail
---@field on_line? fun(line: string): boolean? told of each line, bare, of a stream made into lines while it returns
---  true; it may not close the child
---@field on_exit? fun(code?: integer, signal?: integer, core: boolean) once, from the loop, when the leader has ended
---  and what it had written was read; both nil when somebody else took its status

--- Starts a program. On failure the message names the stage, as in "execve: No such file or directory: NAME".
---@param options host.process.Options
---@return host.process.Child|nil child
---@return string? message
---@return string? code  "ENOENT"
---@return string? stage "execve", "chdir", "setuid", "open", "pipe", "clone", ...
function process.spawn(options) end

--- Takes on a program that an earlier host has started: the leader of its session, with that mark. Its exit status is
--- never known, its output goes where it went before, and only who has the mark is a member. CODE is "ESRCH" when that
--- process is not there any more.
---@param pid integer
---@param mark string its LUVISOR_UNIT
---@param options { on_exit?: function }
---@return host.process.Child|nil child
---@return string? message
---@return string? code
function process.adopt(pid, mark, options) end

--- The host's own environment, as "NAME=value"; the same list again while it has not changed: read it only.
---@return string[]
function process.environment() end

--- Opens a log: at once, which may take as long as the disk does, or with fn away from the loop, and fn gets it later.
---@param options host.process.Lines
---@param fn? fun(log: host.process.Log|nil, message: string|nil, code: string|nil)
---@return host.process.Log|true|nil log
---@return string? message
---@return string? code
function process.open_log(options, fn) end

--- Gives a log file that is being written other values of max_size, keep, max_age_ms and gzip.
---@param options host.process.Lines
---@return boolean found
function process.limit_log(options) end

---@class host.process.Log
local Log = {} -- luacheck: ignore 241

--- Appends whole lines. Never waits: what finds no room is dropped and counted.
---@param lines string
function Log:write(lines) end

--- Lets go of it; what was written reaches the file yet.
function Log:close() end

--- Opens all log files again, for whoever has moved them.
---@return integer count
function process.reopen() end

--- Has fn told, once each, that lines for a file are lost because of a message, and, without one, that this is over
--- and how many were lost.
---@param fn fun(path: string, message?: string, lines: integer)
function process.on_trouble(fn) end

--- Kept alive by the host until on_empty was called or it is closed.
---@class host.process.Child
local Child = {} -- luacheck: ignore 241

--- The leader's pid, also when it has ended. It names no other process before everybody is gone.
---@return integer
function Child:pid() end

--- Signals the leader; fine when it has ended.
---@param signal host.process.Signal
---@return true|nil ok
---@return string? message
---@return string? code
function Child:signal(signal) end

--- Signals all members: the leader's group now, other groups a tenth of a second later, or in the next turn of the loop
--- when the leader has ended. KILL waits for nothing, and is sticky: a member that turns up afterwards gets it too.
--- Fine when nobody is left. Never calls back before it returns. A second signal follows where the first was sent.
---@param signal host.process.Signal
---@param second? host.process.Signal
---@return true|nil ok
---@return string? message
---@return string? code
function Child:signal_group(signal, second) end

--- Calls fn() once, from the loop, as soon as the leader has ended and no member lives. Zombies do not live. Where the
--- leader has ended and others live, outlived(true) is called once before.
---@param fn fun()
---@param outlived? fun(others: true)
function Child:on_empty(fn, outlived) end

--- Whether a process is a living member.
---@param pid integer
---@return boolean
function Child:has(pid) end

--- Finds the living members, 256 at most, and calls fn(pids), or fn(nil, message, CODE), from the loop. Walks /proc a
--- millisecond at a time. Nobody is told when the child is closed before.
---@param fn fun(pids: integer[]|nil, message?: string, code?: string)
---@return true|nil ok
---@return string? message
---@return string? code
function Child:members(fn) end

--- The last bytes, at most 64 KiB, that it wrote to a pipe of the host; also when it is closed.
---@param bytes? integer
---@param stream? "stdout"|"stderr" stdout
---@return string
function Child:tail(bytes, stream) end

--- What it wrote to a pipe of the host since a place in the stream (0: its beginning), as far as that is still there;
--- the place now, and how many bytes were lost in between. Places go on over restarts.
---@param place integer
---@param stream? "stdout"|"stderr" stdout
---@return string text
---@return integer place
---@return integer lost
function Child:news(place, stream) end

--- Lets go of it: no more callbacks. A program that still runs goes on, and is reaped when it ends.
function Child:close() end

return process
