-- Past: a worker's history of (event, state), as a string of two bytes an entry. Short histories that are alike are
-- one interned string however many workers share them, so a hundred thousand idle workers remember for free.

local past = {}

local ENTRIES = 100

--- Gives a machine remember(text, event, state) -> text, and recall(text) -> entries { event =, state = }, oldest
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

  local function code_of(event, state)
    local by_event = codes[state]
    if not by_event then
      by_event = {}
      codes[state] = by_event
    end
    by_event[event] = by_event[event] or string.char(math.min(number_of(event), 255), math.min(state.index, 255))
    return by_event[event]
  end

  function machine.remember(text, event, state)
    local by_event = codes[state]
    local code = by_event and by_event[event] or code_of(event, state)
    if #text >= 2 * ENTRIES then text = text:sub(3) end
    return text .. code
  end

  function machine.recall(text)
    local entries = {}
    for i = 1, #text, 2 do
      local event, state = text:byte(i, i + 1)
      entries[#entries + 1] = { event = events[event], state = (machine.order[state] or machine.crashed).name }
    end
    return entries
  end
end

return past
