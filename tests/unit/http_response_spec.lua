-- SPDX-License-Identifier: Apache-2.0
local http_response = require "luvisor.core.http_response"

-- The response as a whole, and byte by byte, which has to come to the same.
local function read(text, is_open)
  local outcomes = {}
  for _, step in ipairs { math.max(#text, 1), 1 } do
    local response, state, message = http_response.new(), "more", nil
    for at = 1, #text, step do
      if state == "more" then state, message = response:feed(text:sub(at, at + step - 1)) end
    end
    if state == "more" and not is_open then state, message = response:finish() end
    outcomes[#outcomes + 1] = { state = state, message = message, response = response }
  end
  assert.same({ outcomes[1].state, outcomes[1].message }, { outcomes[2].state, outcomes[2].message })
  assert.equal(outcomes[1].response.body, outcomes[2].response.body)
  return outcomes[1].state or outcomes[1].message, outcomes[1].response
end

describe("an HTTP response", function()
  it("ends by its length, by its last chunk, or with the connection", function()
    local state, response = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b \r\n\r\nhello", true)
    assert.same({ "done", 200, "hello", "b" }, { state, response.status, response.body, response.headers["x-a"] })
    state, response = read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ..
      "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: 1\r\n\r\n", true)
    assert.same({ "done", "hello!" }, { state, response.body })
    state, response = read "HTTP/1.0 404 Not Found\n\ngone"
    assert.same({ "done", 404, "gone" }, { state, response.status, response.body })
    assert.equal("done", (read("HTTP/1.1 204 No Content\r\n\r\n", true)))
    assert.equal("done", (read("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", true)))
    assert.equal("done", (read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)))
  end)

  it("that is not exactly one is an error", function()
    assert.equal("not an HTTP response", (read "SSH-2.0-OpenSSH_9\r\n\r\n"))
    assert.equal("not an HTTP response", (read "HTTP/2 200 OK\r\n\r\n"))
    assert.equal("malformed header", (read "HTTP/1.1 200 OK\r\nno colon\r\n\r\n"))
    assert.equal("malformed header", (read "HTTP/1.1 200 OK\r\nName : x\r\n\r\n"))
    assert.equal("two lengths", (read "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"))
    assert.equal("malformed length", (read "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"))
    assert.equal("unknown framing",
      (read "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"))
    assert.equal("malformed chunk", (read "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"))
  end)

  it("that is cut short is an error", function()
    assert.equal("connection closed early", (read ""))
    assert.equal("connection closed early", (read "HTTP/1.1 200 OK\r\n"))
    assert.equal("connection closed early", (read "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"))
    assert.equal("connection closed early",
      (read "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
  end)

  it("has limits", function()
    local response = http_response.new()
    assert.is_nil((response:feed("HTTP/1.1 200 OK\r\nX: " .. ("x"):rep(20000))))
    response = http_response.new()
    assert.is_nil((response:feed "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"))
    response = http_response.new()
    response:feed "HTTP/1.1 200 OK\r\n\r\n"
    assert.is_nil((response:feed(("x"):rep(1024 * 1024 + 1))))
  end)

  it("satisfies a probe by status, header and body", function()
    local _, response = read "HTTP/1.1 201 OK\r\nServer: X\r\n\r\nall well"
    assert.is_true(response:satisfies {})
    assert.is_true(response:satisfies { status = { 200, 201 }, header = { server = "^X$" }, body = "well$" })
    assert.equal("status 201", select(2, response:satisfies { status = { 200 } }))
    assert.equal("no header Via", select(2, response:satisfies { header = { Via = "." } }))
    assert.equal('header Server is "X"', select(2, response:satisfies { header = { Server = "Y" } }))
    assert.equal("the body does not match", select(2, response:satisfies { body = "ill" }))
    _, response = read "HTTP/1.1 302 Found\r\n\r\n"
    assert.equal("status 302", select(2, response:satisfies {}))
  end)
end)
