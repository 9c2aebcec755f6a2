---@meta
-- host.mailbox: requests (calls and casts) that wait for workers, and the short way from one worker of a runtime to
-- another: no letter is made, and no Lua runs between the caller and the handler. What is not plain goes the long way.

---@class host.mailbox
local mailbox = {}

---@class host.queue the requests of one worker, in their order
local queue = {}

--- The queue of a worker that runs; its instance has to have it as `_queue`, where serve looks for it.
---@param task host.handle
---@param unit table
---@param limit integer letters that there is room for
---@return host.queue
function mailbox.open(task, unit, limit) end

--- From now on requests to the target lead to the queue, with that time for calls, until it is closed.
---@param target any
---@param to host.queue
---@param timeout number seconds
function mailbox.route(target, to, timeout) end

--- From now on calls to the target go over the link to that address, with that time, while it is open.
---@param target any
---@param link host.Link
---@param timeout number seconds
---@param address string
function mailbox.route_far(target, link, timeout, address) end

--- No target leads anywhere any more.
function mailbox.forget() end

--- What Lua does with a request; each gives the event that follows, or nil. `postpone` is the value that has a
--- request conclude the long way.
---@param handlers { due: function, letter: function, unknown: function, conclude: function, postpone: any }
function mailbox.set_handlers(handlers) end

--- A method of workers: method(self, target, name, ...) goes the short way if it can, else it is long_way(...).
---@param name "call"|"cast"
---@param long_way function
---@return function
function mailbox.method(name, long_way) end

--- An __index for workers: it finds what is in `methods`, where `stopping` is true, as that is a field of the worker's
--- unit; else it is what otherwise(self, key) gives.
---@param methods table<string, function|true>
---@param otherwise fun(self: table, key: any): any
---@return function
function mailbox.index(methods, otherwise) end

--- Serves what waits for a worker, on its coroutine: an event, or "keepalive".
---@param instance table
---@return any
function mailbox.serve(instance) end

--- Counts a letter that comes; false when there is no room and it is not forced.
---@param force boolean
---@return boolean
function queue:enter(force) end

--- Letters that wait elsewhere take up room, too.
---@param count integer
function queue:add_room(count) end

--- Appends a letter, which was counted.
---@param letter table
function queue:push(letter) end

--- Takes out the first request as a letter; nothing where there is none, or while one is served.
---@return table|nil
function queue:take() end

--- The request that is being served has ended with its worker: as a letter, if it is a call without an answer.
---@return table|nil
function queue:give_up() end

--- The call that is being served, as a letter, is answered later; nothing where no call is served.
---@return table|nil
function queue:defer() end

--- Has the request that is being served conclude the long way; false where none is.
---@return boolean
function queue:note() end

--- Has serve ask for an event before it serves.
function queue:set_due() end

--- While it is watched, all letters come the long way.
---@param on any
function queue:watch(on) end

--- How many requests wait, and whether one is being served.
---@return integer
---@return boolean
function queue:waiting() end

--- How many letters have come, and how many wait.
---@return integer
---@return integer
function queue:statistics() end

--- Nothing comes any more.
function queue:close() end

return mailbox, queue
