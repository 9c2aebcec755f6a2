---@meta host.json

-- JSON. Integers are exact and floats stay floats. At most 100 levels deep, both ways.

---@class host.json
---@field null lightuserdata what null becomes, and what becomes null
local json = {}

--- The value of a JSON text. An object becomes a table, an array one that is marked as such.
---@param text string
---@return any|nil value
---@return string? message
---@return string? code
function json.decode(text) end

--- The JSON text of a value, in one line. A table is an array when it is marked as one or has a first element. Bytes
--- that are not UTF-8 become U+FFFD.
---@param value any
---@return string|nil text
---@return string? message
---@return string? code
function json.encode(value) end

--- Marks a list, a new one if none is given, so that it is an array also when it is empty.
---@param list? table
---@return table list
function json.array(list) end

return json
