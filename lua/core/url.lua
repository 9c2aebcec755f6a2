-- Url: the address of an HTTP server, as far as probes need it.

local url = {}

local function host_and_port(authority)
  local host, rest = authority:match("^%[([%x:.]+)%](.*)$")
  if not host then host, rest = authority:match("^([%w._-]+)(.*)$") end
  if not host then return nil end
  if rest == "" then return host, 80 end
  local port = math.tointeger(tonumber(rest:match("^:(%d+)$")))
  if not port or port < 1 or port > 65535 then return nil end
  return host, port
end

--- Takes "http://host[:port][/path]" apart. There is no TLS.
---@param text string
---@return { host: string, port: integer, authority: string, path: string }|nil parts
---@return string? message
---@return string? code
function url.parse(text)
  local scheme, authority, path = text:match("^(%a[%w+.-]*)://([^/?#]*)([^#]*)")
  if not scheme then return nil, 'expected "http://host:port/path"', "EINVAL" end
  if scheme:lower() ~= "http" then return nil, ('no %s, only http'):format(scheme), "EINVAL" end
  if text:find("[%c%s]") then return nil, "must not contain blanks", "EINVAL" end
  local host, port = host_and_port(authority)
  if not host then return nil, ('no host and port: "%s"'):format(authority), "EINVAL" end
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  return { host = host, port = port, authority = authority, path = path }
end

return url
