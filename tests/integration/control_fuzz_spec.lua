-- SPDX-License-Identifier: Apache-2.0
-- Nonsense on the control socket, by chance but from a seed (LUVISOR_FUZZ_SEED), as much of it as LUVISOR_FUZZ_ROUNDS
-- says: nothing of it ends the host, is met with an internal error, or keeps others waiting.

local host = require "host"
local json = require "host.json"
local uv = require "luv"

local SEED = tonumber(os.getenv "LUVISOR_FUZZ_SEED") or 20261121
local ROUNDS = tonumber(os.getenv "LUVISOR_FUZZ_ROUNDS") or 500

local TREE = [[
local luvisor = require "luvisor"
return luvisor.supervisor { name = "top", children = {
  luvisor.program { name = "p", command = { "sleep", "600" }, ready = { after = 0 } },
} }
]]

-- What ends the host when it is asked for properly.
local DEADLY = { shutdown = true }

local random = math.random

local function one_of(list) return list[random(#list)] end

local function bytes(most)
  local list = {}
  for i = 1, random(0, most) do list[i] = string.char(random(0, 255)) end
  return table.concat(list)
end

local TEXTS = {
  "", "p", "top", "top/p", "*", "@", "@tag", "[", "[^", "**", "%", "../..", "p\0", "__index", "__gc", "\\", "9", "KILL",
  "exit", "é", ("a/"):rep(200), ("["):rep(50),
}

local function value(depth)
  local kind = random(depth > 3 and 6 or 8)
  if kind == 1 then return one_of(TEXTS) end
  if kind == 2 then return random(-3, 3) end
  if kind == 3 then return one_of { 1e308, -1e308, 0.5, 2 ^ 53, math.maxinteger, math.mininteger } end
  if kind == 4 then return random(2) == 1 end
  if kind == 5 then return json.null end
  if kind == 6 then return one_of(TEXTS):rep(random(3)) end
  local result = {}
  for i = 1, random(0, 3) do result[kind == 7 and i or one_of(TEXTS) .. i] = value(depth + 1) end
  return kind == 7 and json.array(result) or result
end

local function parameters(method)
  local params = {}
  for _, name in ipairs(method.params or {}) do
    if random(3) > 1 then params[type(name) == "table" and name.name or name] = value(1) end
  end
  if random(3) == 1 then params.units = json.array { one_of(TEXTS), one_of(TEXTS) } end
  if random(10) == 1 then params[one_of(TEXTS)] = value(1) end
  params.timeout = 0.1
  return params
end

local function request(methods)
  local method = one_of(methods)
  return json.encode {
    jsonrpc = "2.0", id = random(5) > 1 and random(1000) or value(2), method = method.name, params = parameters(method),
  } or "{}"
end

local function mutated(text)
  for _ = 1, random(4) do
    local at = random(#text + 1)
    local before, after = text:sub(1, at - 1), text:sub(at)
    text = one_of {
      before .. bytes(3) .. after, before .. after:sub(random(5)), before .. text:sub(random(#text + 1)),
      before .. one_of { '"', "{", "[", "\n", "1e999", "-" } .. after,
    }
  end
  return text
end

local makers = {
  request, request, request,
  function(methods) return mutated(request(methods)) end,
  function() return bytes(400) end,
  function() return ("["):rep(random(5000)) end,
  function(methods)
    return ('{"jsonrpc":"2.0","id":1,"method":%s}'):format(json.encode(one_of(methods).name)):rep(3)
  end,
}

describe("nonsense on the control socket", function()
  local directory, process

  setup(function()
    directory = host.directory()
    host.write(directory .. "/tree.lua", TREE)
    process = host.spawn({ "run", "--log-level", "warn", "tree.lua" }, nil, { cwd = directory })
    assert(host.wait_until(function() return process.over or uv.fs_stat(process:socket()) end, 10))
  end)
  teardown(function()
    process:stop(60)
    host.clean_up()
  end)

  -- A client that counts the answers, and looks for what must not be in them.
  local function connect(path)
    local self = { pipe = uv.new_pipe(false), text = {} }
    self.pipe:connect(path or process:socket(), function(err)
      self.ready, self.over = true, err
      if err then return end
      self.pipe:read_start(function(fault, chunk)
        if fault or not chunk then self.over = true else self.text[#self.text + 1] = chunk end
      end)
    end)
    assert(host.wait_until(function() return self.ready end, 10))
    return self
  end

  local function send_in_pieces(client, text)
    local at = 1
    while at <= #text and not client.pipe:is_closing() do
      local size = random(4) == 1 and random(7) or #text
      client.pipe:write(text:sub(at, at + size - 1), function() end)
      at = at + size
      if random(3) == 1 then uv.run "nowait" end
    end
  end

  local function methods()
    local client = connect()
    client.pipe:write '{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}\n'
    assert(host.wait_until(function() return table.concat(client.text):find "\n" end, 10))
    client.pipe:close()
    local list = {}
    for _, method in ipairs(json.decode(table.concat(client.text)).result.methods) do
      if not DEADLY[method.name] then list[#list + 1] = method end
    end
    return list
  end

  it(("does no harm (seed %d, %d rounds)"):format(SEED, ROUNDS), function()
    math.randomseed(SEED)
    local known, seen = methods(), {}
    for round = 1, ROUNDS do
      local client = connect()
      for _ = 1, random(8) do send_in_pieces(client, one_of(makers)(known) .. (random(8) > 1 and "\n" or "")) end
      if random(3) > 1 then
        send_in_pieces(client, '\n{"jsonrpc":"2.0","id":"last","method":"ping"}\n')
        local function answered() return client.over or table.concat(client.text):find '"id":"last"' end
        assert.truthy(host.wait_until(answered, 20), ("round %d: no answer"):format(round))
      end
      client.pipe:close()
      local text = table.concat(client.text)
      for code in text:gmatch '"code":(%-%d+)' do seen[code] = true end
      assert.falsy(text:find("-32603", 1, true), ("round %d: %s"):format(round, text:sub(1, 2000)))
      assert.is_falsy(process.over, process:output())
    end
    for _, code in ipairs { "-32700", "-32600", "-32602", "-32000" } do assert.truthy(seen[code], code) end
    assert.equal(0, (process:client { "status" }))
    assert.falsy(process:output():find "traceback", process:output())
  end)
end)
