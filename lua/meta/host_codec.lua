---@meta
-- host.codec: messages as bytes (a subset of msgpack), and deep copies by the same rules. What can be sent: nil,
-- booleans, integers, floats, strings, tables of these without a metatable, and objects of the classes defined here.

---@class host.codec
local codec = {}

---@class host.message a row of values, of which any may be nil
---@field n integer

--- The values as bytes; EINVAL for one that cannot be sent, ELOOP for tables nested more than 100 deep (one that
--- contains itself is), E2BIG for more than 16 MiB.
---@return string|nil bytes
---@return string? message names the place: "cannot send a function at .job[2]"
---@return string? code
function codec.encode(...) end

--- The values of bytes that encode made; EPROTO for any others.
---@param bytes string
---@return host.message|nil
---@return string? message
---@return string? code
function codec.decode(bytes) end

--- Copies of the values, refused as by encode.
---@return host.message|nil
---@return string? message
---@return string? code
function codec.copy(...) end

--- The same with the field `kind`, "call" or "cast", and room for those that a call has besides.
---@param kind string
---@return host.message|nil
---@return string? message
---@return string? code
function codec.letter(kind, ...) end

--- Copies of the values without a row around them: true and they, or nil, message, code.
---@return true|nil
function codec.values(...) end

--- Lets objects of a class be sent. unpack gives nil for a value that is not what pack makes: bytes may come from a
--- process that has gone mad. Objects of a shared class never change, so within a state they are not copied.
---@param number integer 1 to 127, the same in every state
---@param metatable table what all objects of the class have
---@param pack fun(object: table): any a value that can be sent
---@param unpack fun(value: any): table|nil
---@param shared? boolean
function codec.define(number, metatable, pack, unpack, shared) end

return codec
