-- Pipes: what a program writes to a descriptor that it was started with.

local uv = require "luv"

local pipes = {}

--- Opens a pipe; fn(text) is called for what is written to it, and fn(nil) at its end. `started` lets go of the write
--- end when the program has its own, `close` of both.
---@param fn fun(text: string|nil)
---@return { write_end: integer, started: function, close: function }|nil pipe
---@return string? message
---@return string? code
function pipes.open(fn)
  local fds, message, code = uv.pipe({ nonblock = true }, {})
  if not fds then return nil, "pipe: " .. message, code end
  local reader, open = uv.new_pipe(false), true
  local self = { write_end = fds.write }

  function self.started()
    if open then uv.fs_close(fds.write) end
    open = false
  end

  function self.close()
    self.started()
    if not reader:is_closing() then reader:close() end
  end

  reader:open(fds.read)
  reader:read_start(function(err, chunk)
    if reader:is_closing() then return end
    if err or not chunk then reader:read_stop() end
    fn(chunk)
  end)
  return self
end

return pipes
