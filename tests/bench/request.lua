-- SPDX-License-Identifier: Apache-2.0
-- Request: what scripts/bench was asked for.

local request = {}

local function usage_error(figures, message)
  local names = {}
  for i, figure in ipairs(figures) do names[i] = figure.name end
  io.stderr:write("scripts/bench: ", message, " (", table.concat(names, ", "), ")\n")
  os.exit(2)
end

local function choose(figures, name, group, chosen)
  local before = #chosen
  for _, figure in ipairs(figures) do
    if figure.name == name or group and name == group then chosen[#chosen + 1] = figure end
  end
  if #chosen == before then usage_error(figures, ("no figure '%s'"):format(name)) end
end

--- Reads the command line: options into `settings`, of which `rounds` is a number.
---@param figures { name: string }[]
---@param settings table<string, any>
---@param group? string the name that means all of them
---@return table[] chosen figures, all of them when none was named
function request.read(figures, settings, group)
  local chosen, i = {}, 1
  while arg[i] do
    local option = arg[i]:match "^%-%-(%a+)$"
    if option then
      i = i + 1
      settings[option] = arg[i]
    else
      choose(figures, arg[i], group, chosen)
    end
    i = i + 1
  end
  settings.rounds = math.tointeger(tonumber(settings.rounds))
  if not settings.rounds or settings.rounds < 1 then usage_error(figures, "--rounds: expected a number") end
  return #chosen > 0 and chosen or figures
end

return request
