-- Names: how a request may name units: paths, last parts, globs, @tags; see machine/selection.lua.

local check = require "luvisor.core.check"

local names = {}

local LONGEST = 1000

--- One name.
function names.one(value)
  if type(value) == "string" and #value > LONGEST then return false, "too long" end
  return check.text(value)
end

--- A list of names.
names.list = check.list("names of units", names.one)

return names
