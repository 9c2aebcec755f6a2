-- Why text: what the method `why` answers, for people: the last things that happened to a unit, oldest first, what it
-- wrote on stderr at last if it ended badly, and below that what happened to those because of whom.

local log = require "luvisor.edge.log"
local sheet = require "luvisor.edge.sheet"

local why_text = {}

local function states_text(states)
  local parts = {}
  for i, entry in ipairs(states) do parts[i] = ("-> %s (%s)"):format(entry.state, entry.event) end
  return table.concat(parts, " ")
end

local function head_of(unit)
  local text = ("%s is %s"):format(sheet.paint(unit.path, "bold"), unit.state)
  return unit.why and ("%s: %s"):format(text, unit.why) or text
end

local function add(lines, depth, text)
  lines[#lines + 1] = ("  "):rep(depth) .. text:gsub("[%c\127]", function(char)
    return char == "\27" and char or " "
  end)
end

local function add_chain(lines, about, depth)
  add(lines, depth, head_of(about.unit))
  for _, entry in ipairs(about.entries) do
    add(lines, depth + 1, ("%s  %s%s"):format(sheet.paint(log.stamp(entry.age), "dim"), entry.text,
      entry.by and " (" .. entry.by .. ")" or ""))
  end
  if about.states and #about.states > 0 then add(lines, depth + 1, "states: " .. states_text(about.states)) end
  for _, cause in ipairs(about.causes) do add(lines, depth + 1, "caused by: " .. cause) end
  for _, line in ipairs(about.last_words or {}) do add(lines, depth + 1, "| " .. line) end
  if about.because then
    add(lines, depth, "because")
    add_chain(lines, about.because, depth + 1)
  end
end

--- The lines about all units of an answer.
---@param result table
---@return string
function why_text.of(result)
  local lines = {}
  for _, about in ipairs(result.units) do add_chain(lines, about, 0) end
  return table.concat(lines, "\n") .. "\n"
end

return why_text
