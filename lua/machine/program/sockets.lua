-- Program sockets: hands a program the sockets that the host keeps open for it, as a service manager does: from
-- descriptor 3 on, in the order of their names, with LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID.

local program_sockets = {}

local FIRST_FD = 3

--- Adds to the environment what tells of the sockets.
---@param spec luvisor.Spec
---@param variables table<string, string|false>
function program_sockets.announce(spec, variables)
  if not spec.sockets then return end
  local names = {}
  for i, one in ipairs(spec.sockets) do names[i] = one.name end
  variables.LISTEN_FDS, variables.LISTEN_FDNAMES = tostring(#names), table.concat(names, ":")
end

--- Adds the sockets to the launch options; those that are not open yet are opened.
---@return boolean|nil ok
---@return string? message
---@return string? code
function program_sockets.prepare(self, options)
  if not self.spec.sockets then return true end
  options.fds, options.listen_pid = options.fds or {}, true
  for i, one in ipairs(self.spec.sockets) do
    local fd, message, code = self.env.sockets.open(one)
    if not fd then return nil, ("sockets.%s: %s"):format(one.name, message), code end
    options.fds[FIRST_FD + i - 1] = fd
  end
  return true
end

return program_sockets
