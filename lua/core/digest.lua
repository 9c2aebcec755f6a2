-- Digest: what a value of a script is made of, in sixteen digits. Two loads of the same script make functions and
-- tables that are never the same ones; their digests are equal as long as nothing has changed that they are made of:
-- code, upvalues, contents, metatables, and so on to the bottom. Taken right after loading, before anything runs,
-- since what runs changes its own upvalues.

local bytecode = require "luvisor.core.bytecode"
local problem = require "luvisor.core.problem"

local digest = {}

local MOST = 20000 -- tables and functions that one value may hold
local PRIME, SEED = 0x100000001b3, 0xcbf29ce484222325

local unpack, byte = string.unpack, string.byte
local raise = problem.raise

local notes = setmetatable({}, { __mode = "k" }) -- value -> { digest =, unknown = }

local function fold(hash, text)
  hash = (hash ~ #text) * PRIME
  local whole = #text - #text % 8
  for at = 1, whole, 8 do
    hash = (hash ~ unpack("<i8", text, at)) * PRIME
    hash = hash ~ hash >> 29
  end
  for at = whole + 1, #text do hash = (hash ~ byte(text, at)) * PRIME end
  return hash ~ hash >> 32
end

local function put(walk, text)
  walk.hash = fold(walk.hash, text)
end

local visit

local function by_key(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == "boolean" then return a and not b end
  return a < b
end

local SORTED = { string = true, number = true, boolean = true }

local function sorted_keys(value)
  local keys = {}
  for key in next, value do
    if not SORTED[type(key)] then raise("a table with a %s as a key", type(key)) end
    keys[#keys + 1] = key
  end
  table.sort(keys, by_key)
  return keys
end

local function visit_table(walk, value)
  visit(walk, debug.getmetatable(value))
  for _, key in ipairs(sorted_keys(value)) do
    visit(walk, key)
    visit(walk, rawget(value, key))
  end
  put(walk, "}")
end

local function visit_function(walk, value)
  if debug.getinfo(value, "S").what == "C" then return put(walk, ("C%p"):format(value)) end
  put(walk, bytecode.of(value))
  local i = 1
  while true do
    local name, held = debug.getupvalue(value, i)
    if not name then break end
    visit(walk, held)
    i = i + 1
  end
  put(walk, ")")
end

local function visit_once(walk, value, inside)
  local name, seen = walk.known(value), walk.seen[value]
  if name then return put(walk, "=" .. name) end
  if seen then return put(walk, "#" .. seen) end
  walk.count = walk.count + 1
  if walk.count > MOST then raise("more than %d tables and functions", MOST) end
  walk.seen[value] = walk.count
  inside(walk, value)
end

function visit(walk, value)
  local kind = type(value)
  if kind == "table" then return visit_once(walk, value, visit_table) end
  if kind == "function" then return visit_once(walk, value, visit_function) end
  if kind == "string" then return put(walk, "s" .. value) end
  if kind == "userdata" or kind == "thread" then
    local name = walk.known(value)
    return name and put(walk, "=" .. name) or raise("a %s", kind)
  end
  put(walk, math.type(value) == "float" and ("%a"):format(value) or tostring(value))
end

local function compute(value, known)
  local walk = { known = known, seen = {}, count = 0, hash = SEED }
  visit(walk, value)
  return ("%016x"):format(walk.hash)
end

--- The digest of any value.
---@param value any
---@param known fun(value: any): string|nil names what is the same for everybody: the library, modules, globals
---@return string|nil digest
---@return string? message what it holds that cannot be compared
function digest.compute(value, known)
  return problem.catch(compute, value, known)
end

--- Remembers the digest that a function or table has now; the first time counts.
---@param value function|table
---@param known fun(value: any): string|nil
function digest.note(value, known)
  if notes[value] then return end
  local found, message = digest.compute(value, known)
  notes[value] = { digest = found, unknown = message }
end

--- Whether two functions or tables were made of the same when they were noted.
---@param a function|table
---@param b function|table
---@return boolean
---@return string? message why it cannot be known
function digest.same(a, b)
  if rawequal(a, b) then return true end
  local one, other = notes[a], notes[b]
  if not one or not other then return false, "it was made at run time" end
  if one.unknown or other.unknown then return false, "it holds " .. (one.unknown or other.unknown) end
  return one.digest == other.digest
end

return digest
