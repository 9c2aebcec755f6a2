-- Explanation: what went wrong in code of the script's, for whoever wrote it.

local explanation = {}

local function say(message)
  if type(message) == "string" then return message end
  local has_text = type(message) == "number" or (getmetatable(message) or {}).__tostring
  return has_text and tostring(message) or ("an error that is no text, but a %s value"):format(type(message))
end

-- What a constructor says begins with the place of the call, and with what was wrong there.
local PLACED = { '%a+ "', '%a+: key "', "luvisor[. ]%l+", "fsm: ", "define: " }

local function places_itself(text)
  for _, start in ipairs(PLACED) do
    if text:find("^[^\n]*:%d+: " .. start) then return true end
  end
  return false
end

-- Without C, and what is luvisor's own.
local OURS = {
  "%[C%]: in", "luvisor/core/", "luvisor/edge/", "luvisor/machine/", "luvisor/%l+%.lua:", "%(%.%.%.tail calls",
}

local function frames()
  local list = {}
  for line in debug.traceback("", 3):gmatch "\n\t([^\n]+)" do
    local own = false
    for _, start in ipairs(OURS) do own = own or line:find("^" .. start) end
    if not own then list[#list + 1] = line end
  end
  return list
end

--- A message handler: a mistake that a constructor found names its place itself; anything else comes with the way that
--- led there, if it tells more.
function explanation.explain(message)
  local text = say(message)
  if type(message) == "string" and places_itself(text) then return text end
  local way = frames()
  if not way[2] and (not way[1] or text:find(way[1]:match "^.-:%d+:" or "", 1, true)) then return text end
  return text .. "\nstack traceback:\n\t" .. table.concat(way, "\n\t")
end

return explanation
