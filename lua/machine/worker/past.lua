-- Past: a worker's history of (event, state), as a string of two bytes an entry. Short histories that are alike are
-- one interned string however many workers share them, so a hundred thousand idle workers remember for free.

local past = {}

local LONGEST = 200 -- bytes, of 100 entries

--- The functions that attach has made: what they hold comes from the machine, and grows while it runs.
---@type table<function, string>
past.made = setmetatable({}, { __mode = "k" })

--- Gives a machine code(event, state) -> the bytes of an entry, append(text, codes) -> text with these entries at its
--- end, remember(text, event, state) -> text with that entry, and recall(text) -> entries { event =, state = }, oldest
--- first.
---@param machine luvisor.Machine
function past.attach(machine)
  local events, numbers, codes = {}, {}, {}

  local function number_of(event)
    if not numbers[event] then
      events[#events + 1] = event
      numbers[event] = #events
    end
    return numbers[event]
  end

  function machine.code(event, state)
    local by_event = codes[state]
    if not by_event then
      by_event = {}
      codes[state] = by_event
    end
    by_event[event] = by_event[event] or string.char(math.min(number_of(event), 255), math.min(state.index, 255))
    return by_event[event]
  end

  function machine.append(text, added)
    text = text .. added
    return #text <= LONGEST and text or text:sub(-LONGEST)
  end

  function machine.remember(text, event, state)
    local by_event = codes[state]
    text = text .. (by_event and by_event[event] or machine.code(event, state))
    return #text <= LONGEST and text or text:sub(-LONGEST)
  end

  function machine.recall(text)
    local entries = {}
    for i = 1, #text, 2 do
      local event, state = text:byte(i, i + 1)
      entries[#entries + 1] = { event = events[event], state = (machine.order[state] or machine.crashed).name }
    end
    return entries
  end

  for _, name in ipairs { "code", "append", "remember", "recall" } do past.made[machine[name]] = "past." .. name end
end

return past
