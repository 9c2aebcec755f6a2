-- Client, why: `luvisor why`: the last things that happened to a unit, oldest first, and below them what happened to
-- those because of whom.

local client = require "luvisor.edge.client"
local json = require "host.json"
local log = require "luvisor.edge.log"
local sheet = require "luvisor.edge.sheet"

local why = {}

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
  if about.because then
    add(lines, depth, "because")
    add_chain(lines, about.because, depth + 1)
  end
end

--- Prints the chain of each unit.
---@param operands string[]
---@param options table
---@return integer|nil
function why.call(operands, options)
  return client.connect(options, function(self)
    self:ask("why", { units = operands }, function(result)
      if options.json then
        client.print(assert(json.encode(result)) .. "\n")
        return client.quit(client.codes.DONE)
      end
      local lines = {}
      for _, about in ipairs(result.units) do add_chain(lines, about, 0) end
      client.print(table.concat(lines, "\n") .. "\n")
      client.quit(client.codes.DONE)
    end)
  end)
end

return why
