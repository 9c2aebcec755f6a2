-- HTTP probe: one GET on a connection of its own, and whether the response is the one that is wanted.

local connect = require "luvisor.edge.probe.connect"
local http_response = require "luvisor.core.http_response"

local probe_http = {}

local REQUEST = "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: luvisor\r\nAccept: */*\r\nConnection: close\r\n\r\n"

local function reader(probe, response, finish)
  return function(err, chunk)
    if err then return finish(nil, err) end
    local state, message
    if chunk then state, message = response:feed(chunk) else state, message = response:finish() end
    if not state then return finish(nil, message) end
    if state == "done" then finish(response:satisfies(probe)) end
  end
end

--- Begins; done(ok, message) may be called before this returns.
---@param probe table
---@param done fun(ok: boolean|nil, message: string|nil)
---@return function cancel
function probe_http.start(_, _, probe, done)
  local close
  local function finish(ok, message)
    if close then close() end
    done(ok, message)
  end
  close = connect.open({ host = probe.host, port = probe.port }, function(err, stream)
    if err then return finish(nil, err) end
    stream:read_start(reader(probe, http_response.new(), finish))
    stream:write(REQUEST:format(probe.path, probe.authority), function(failure)
      if failure then finish(nil, failure) end
    end)
  end)
  return close
end

return probe_http
