---@meta
-- The C modules of the host that Lua requires; host.process is in host_process.lua,
-- host.notify in host_notify.lua.
-- All times are seconds, all of them on the monotonic clock unless it says otherwise.

---@class host.runtime
local runtime = {}

--- The monotonic clock, as of this turn of the loop.
---@return number seconds
function runtime.now() end

--- The monotonic clock, read now, in nanoseconds.
---@return integer
function runtime.exact() end

---@class host.timer: userdata

--- Calls fn(a, b) once, so many seconds from now; never before the caller has returned.
---@param seconds number
---@param fn function
---@return host.timer
function runtime.after(seconds, fn, a, b) end

--- The same, but only time in which the host could serve its units counts: while it is stopped or suspended, the clock
--- of deadlines stands still.
---@param seconds number
---@param fn function
---@return host.timer
function runtime.deadline(seconds, fn, a, b) end

--- Disarms a timer; nil, and one that has fired, are fine.
---@param timer host.timer|nil
function runtime.cancel(timer) end

--- Calls fn(a, b, c) from the loop, outside of every coroutine, in the order of posting.
---@param fn function
function runtime.post(fn, a, b, c) end

--- Takes the runtime off its clock (for tests): time then moves only by step.
function runtime.manual() end

--- Moves the manual clock forward, through every deadline on the way.
---@param seconds? number 0 only runs what is ready
function runtime.step(seconds) end

--- Has fn(message) told of errors that nobody catches, instead of stderr.
---@param fn fun(message: string)
function runtime.set_reporter(fn) end

--- Bytes that the Lua state holds, the most it ever held, and what its allocator has over, which takes memory as well.
---@return integer used
---@return integer peak
---@return integer spare
function runtime.memory() end

--- Gives memory back to the kernel that the Lua state has freed, in pages of which nothing is in use.
---@param blocks? integer free blocks to look at, some 100 ns each; all, if nil
---@return boolean done nothing of it is left to do
function runtime.trim(blocks) end

--- From here on the Lua state may hold no more than that: what would need more fails with "not enough memory".
---@param bytes? integer nil for as much as there is
function runtime.limit_memory(bytes) end

--- Limits the time of the call from C that runs, before there is a loop and a watchdog: it is cancelled then, and
--- killed a moment later; what sits in C by then ends the process with exit code 2, and that text on stderr. Without
--- arguments it is over: whether it was too late.
---@param seconds? number
---@param text? string
---@return boolean|nil ok
---@return string? message
---@return string? code
function runtime.alarm(seconds, text) end

--- Has the watchdog interrupt what does not come back to the loop: a task's turn is cut after `slice` seconds and goes
--- on later; what cannot be cut is cancelled after `stall` seconds of processor time, and killed `kill` seconds later.
---@param slice number
---@param stall number
---@param kill number
---@return boolean|nil ok
---@return string? message
---@return string? code
function runtime.watch(slice, stall, kill) end

--- Ends that.
function runtime.unwatch() end

--- How often the watchdog has looked.
---@return integer
function runtime.looks() end

---@class host.task
local task = {}

---@alias host.handle integer of a task; one that has ended is silently ignored
---@alias host.limit "heartbeat"|"state"|"transition"|"start"|"stop"

--- The machine's functions. advance runs on a worker's coroutine and returns its next actor, the seconds between two
--- turns, and whether to call ready; the others are called from the loop. begin(object, now) comes before the first
--- advance: where no coroutine is needed to get to the first actor it returns { actor, every =, heartbeat =, stay =,
--- ready = }, which nobody changes, else nothing.
--- serve(object) runs as an actor does, with what task.mail announced.
---@param handlers table<string, function> begin, advance, ready, finished, failed, late, beat, serve
function task.set_handlers(handlers) end

--- Whether beat(object) is called for each heartbeat.
---@param on boolean
function task.watch_beats(on) end

--- Opens a task for an object and queues its first turn.
---@param object table
---@param start_limit? number seconds until it must be ready
---@return host.handle
function task.open(object, start_limit) end

--- The same with an object made for the unit: { _unit = unit } with that metatable.
---@param unit table
---@param meta table
---@param start_limit? number
---@return host.handle handle
---@return table object
function task.launch(unit, meta, start_limit) end

--- Ends a task: runs the to-be-closed variables of a coroutine that waits, and forgets it.
---@param handle host.handle
function task.close(handle) end

--- Queues a turn in which advance takes the event "error".
---@param handle host.handle
function task.fail(handle) end

--- The task has come to rest in a state: sets its heartbeat interval and longest stay, lifts the limit of a transition,
--- and the one of the start if it is ready.
---@param handle host.handle
---@param heartbeat? number seconds
---@param stay? number seconds
---@param ready? boolean
function task.enter(handle, heartbeat, stay, ready) end

--- What the task calls next, and from then on, in place of its actor; a pause between two turns ends at once, a call
--- that is under way goes on.
---@param handle host.handle
---@param fn function
---@param every? number
function task.set_actor(handle, fn, every) end

--- Sets a limit to so many seconds from now; without seconds, lifts it.
---@param handle host.handle
---@param limit host.limit
---@param seconds? number
function task.limit(handle, limit, seconds) end

--- Ends a pause between two turns, or a sleep, at once.
---@param handle host.handle
function task.nudge(handle) end

--- Asks for an end within so many seconds (nil for any time): a task that rests between two turns has one before this
--- returns, unless another has its turn just now; anybody else is nudged.
---@param handle host.handle
---@param seconds? number
function task.stop(handle, seconds) end

--- As stop. Where the turn that a resting task has for it ends with an event that is a key of `endings`, the task is
--- closed and advance is not asked.
---@param handle host.handle
---@param seconds? number
---@param endings table
---@return any|nil ending endings[event]; nothing where it was a plain stop
---@return string? event
function task.finish(handle, seconds, endings) end

--- Something is in the task's mailbox: ends its wait in receive. A request is served even if it does not wait: by
--- `serve`, between two turns, which come when they would have come.
---@param handle host.handle
---@param request boolean
function task.mail(handle, request) end

--- Suspends a task at its next boundary between two turns; none of that time counts against its deadlines.
---@param handle host.handle
---@return boolean held false when it is in the middle of a turn, at the end of which it is
function task.hold(handle) end

--- Ends that.
---@param handle host.handle
function task.release(handle) end

--- Has an error raised, once, where the task's coroutine waits; false when it has none.
---@param handle host.handle
---@return boolean
function task.cancel(handle) end

--- Where the coroutine of a task that waits stands; nil if it has none.
---@param handle host.handle
---@return string|nil
function task.traceback(handle) end

--- How many tasks are open.
---@return integer
function task.count() end

--- Sleeps; true, or nil, "stopping", "ECANCELED" when a nudge came first. Only inside of a worker, as are all below.
---@param seconds number
---@return boolean|nil
---@return string? message
---@return string? code
function task.sleep(seconds) end

--- A heartbeat.
function task.beat() end

--- Moves every limit that is set to at least so many seconds from now.
---@param seconds number
function task.extend(seconds) end

--- The task that runs and the number of its next wait, for wake; nothing outside of workers.
---@return host.handle|nil
---@return integer|nil number
function task.current() end

--- What the task that runs was opened with; nothing outside of workers.
---@return table|nil
function task.object() end

--- How many letters a task has sent the short way, see host.mailbox.
---@param handle host.handle
---@return integer
function task.sent(handle) end

--- From now on the task's turns may have the Lua state hold so many bytes more than it holds now, or three quarters of
--- what a limit of its own leaves; what would need more fails with "not enough memory".
---@param handle host.handle
---@param bytes integer
function task.bound(handle, bytes) end

--- Waits for a wake: its values, or nil, "timeout", "ETIMEDOUT".
---@param seconds? number without, as long as it takes
---@param stoppable? boolean whether a nudge ends it with nil, "stopping", "ECANCELED"
function task.park(seconds, stoppable) end

--- Waits until something is in the mailbox: true, or nil, message, code as sleep and park have it.
---@param seconds? number without, as long as it takes
function task.receive(seconds) end

--- Ends a wait with values; false when that wait is over.
---@param handle host.handle
---@param number integer
---@return boolean
function task.wake(handle, number, ...) end

--- Calls start(..., callback) and waits for the callback's arguments; what start refuses at once (nil, message, code)
--- comes back as message, nil, code: an error first, as luv's callbacks have it.
---@param start function
function task.await(start, ...) end

---@class host.system
---@field version string
local system = {}

--- Ends the loop after this turn, and the process with that code.
---@param code? integer
function system.quit(code) end

--- Ends the process here and now, once its output is out.
---@param code? integer
function system.exit(code) end

--- Puts text onto stdout (1) or stderr (2); never waits for a slow reader, at the cost of lines.
---@param fd 1|2
---@param text string
function system.put(fd, text) end

---@param fd integer
---@return boolean
function system.is_terminal(fd) end

--- Seconds since the epoch, for display only.
---@return number
function system.wall() end

---@return table<string, string>
function system.environment() end

--- The path without links.
---@param path string
---@return string|nil
---@return string? message
---@return string? code
function system.absolute(path) end

---@return integer
function system.pid() end

return { runtime = runtime, task = task, system = system }
