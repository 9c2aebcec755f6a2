-- SPDX-License-Identifier: Apache-2.0
-- Plain Lua that computes: the same for a watched worker and for lua5.4. Run as a program it prints the time of each.
-- usage: lua5.4 speed_code.lua ROUNDS

local Account = {}
Account.__index = Account

function Account:add(n)
  self.sum = self.sum + n
  return self
end

local function fib(n)
  return n < 2 and n or fib(n - 1) + fib(n - 2)
end

local code = {}

function code.fib() return fib(24) end

function code.methods()
  local account = setmetatable({ sum = 0 }, Account)
  for i = 1, 100000 do account:add(i) end
  return account.sum
end

function code.resume()
  local next_number = coroutine.wrap(function()
    for i = 1, 30000 do coroutine.yield(i) end
  end)
  for _ = 1, 30000 do next_number() end
end

--- The shortest time of a piece of code in so many rounds, in milliseconds.
local function shortest(fn, rounds)
  local best = math.huge
  for _ = 1, rounds do
    local began = os.clock()
    fn()
    best = math.min(best, os.clock() - began)
  end
  return best * 1e3
end

if ... == "speed_code" then return { code = code, shortest = shortest } end
for _, name in ipairs { "fib", "methods", "resume" } do
  print(("%s\t%.9g"):format(name, shortest(code[name], tonumber(arg[1]))))
end
