-- Wire values: plain values as bytes and back.

local values = {}

local put

local PUT = {
  ["nil"] = function(out) out[#out + 1] = "n" end,
  boolean = function(out, value) out[#out + 1] = value and "t" or "f" end,
  number = function(out, value)
    local is_integer = math.type(value) == "integer"
    out[#out + 1] = is_integer and string.pack("<c1i8", "i", value) or string.pack("<c1n", "d", value)
  end,
  string = function(out, value) out[#out + 1] = string.pack("<c1s4", "s", value) end,
  table = function(out, value, depth)
    if depth > 100 then error("too deep", 0) end
    out[#out + 1] = "{"
    for key, item in next, value do
      put(out, key, depth + 1)
      put(out, item, depth + 1)
    end
    out[#out + 1] = "}"
  end,
}

function put(out, value, depth)
  local one = PUT[type(value)]
  if not one then error("a " .. type(value) .. " cannot be sent", 0) end
  one(out, value, depth)
end

function values.encode(value)
  local out = {}
  put(out, value, 0)
  return table.concat(out)
end

local get

local GET = {
  n = function(_, at) return nil, at end,
  t = function(_, at) return true, at end,
  f = function(_, at) return false, at end,
  i = function(bytes, at) return string.unpack("<i8", bytes, at) end,
  d = function(bytes, at) return string.unpack("<n", bytes, at) end,
  s = function(bytes, at) return string.unpack("<s4", bytes, at) end,
  ["{"] = function(bytes, at)
    local made = {}
    while bytes:sub(at, at) ~= "}" do
      local key, item
      key, at = get(bytes, at)
      item, at = get(bytes, at)
      made[key] = item
    end
    return made, at + 1
  end,
}

function get(bytes, at)
  return GET[bytes:sub(at, at)](bytes, at + 1)
end

function values.decode(bytes)
  return (get(bytes, 1))
end

return values
