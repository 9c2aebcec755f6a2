---@meta
-- host.guest: runtimes on threads, and ordered, bounded frames between runtimes.

---@class host.guest
local guest = {}

---@class host.Link
local link = {}

--- Sends bytes; EAGAIN when 4 MiB wait already, unless it is urgent; EPIPE when nobody is on the other side;
--- EMSGSIZE for more than 16 MiB.
---@param bytes string
---@param urgent? boolean
---@return true|nil ok
---@return string? message
---@return string? code
function link:send(bytes, urgent) end

--- How many bytes would be lost if the link were closed now.
---@return integer
function link:pending() end

--- How late the turn is that the guest on the other side is in: nothing when it is not.
---@return number? seconds
---@return string? limit "heartbeat", ...
---@return integer? turn which one it is
function link:late() end

--- While letters that have come are held back, nothing that comes goes the short way, see host.mailbox.
---@param on boolean
function link:hold(on) end

--- Nothing goes the short way any more.
---@return integer[] calls that wait for their answers: task, number of its wait, ...
function link:give_up() end

--- Closes it; no more callbacks. The thread of a guest that still runs goes on by itself, until it ends.
function link:close() end

--- A thread with a runtime of its own, which runs luvisor.edge.guest. on_ended is called once, when the thread and
--- all it had is gone.
---@param unused nil
---@param on_frame fun(bytes: string)
---@param on_ended fun()
---@return host.Link|nil link
---@return string? message
---@return string? code
function guest.thread(unused, on_frame, on_ended) end

--- Names this thread, for people; 15 bytes of it are kept.
---@param name string
function guest.rename(name) end

--- A link over file descriptors, which it takes over unless it raises: to read from and to write to, or one for both.
---@param fds { [1]: integer, [2]?: integer, pulse?: integer } pulse: of guest.pulse, for link:late
---@param on_frame fun(bytes: string)
---@param on_ended fun() the other side has closed, or sent what is no frame
---@return host.Link|nil link
---@return string? message
---@return string? code
function guest.stream(fds, on_frame, on_ended) end

--- In a guest's thread: the link to who started it; nil anywhere else.
---@param unused nil
---@param on_frame fun(bytes: string)
---@param on_ended fun()
---@return host.Link|nil
function guest.parent(unused, on_frame, on_ended) end

--- Two ends of a socket, both closed on exec.
---@return integer|nil fd
---@return integer|string fd or message
---@return string? code
function guest.pair() end

--- A file with modules of luvisor's, unpacked, for processes of this binary: `luvisor guest` takes it as its fifth
--- argument. Those that are not there are left out.
---@param ... string names of modules, 64 at most
---@return integer|nil fd
---@return string? message
---@return string? code
function guest.shelve(...) end

--- Memory in which a guest's process shows how its turns do: an fd to pass to it.
---@return integer|nil fd
---@return string? message
---@return string? code
function guest.pulse() end

--- Shows there how the turns of this state do; closes the fd.
---@param fd integer
function guest.show(fd) end

--- Takes an fd for this runtime alone: another number, closed on exec. What was stdin is empty then, what was stdout
--- leads to stderr.
---@param fd integer
---@return integer|nil fd
---@return string? message
---@return string? code
function guest.own(fd) end

---@param fd integer
function guest.close(fd) end

guest.Link = link

--- Refuses what a script may not do in the runtime that it shares with others: "host"; "thread", where besides the loop
--- there is a process that is shared; "process", where there is only the loop to protect.
---@param where "host"|"thread"|"process"
function guest.confine(where) end

return guest
