-- The nearest known word: for keys, commands, options and values that were mistyped.

local suggest = {}

local min, max = math.min, math.max

-- Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one each.
local function distance(a, b)
  local before, previous, current = {}, {}, {}
  for j = 0, #b do previous[j] = j end
  for i = 1, #a do
    current[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = min(best, before[j - 2] + 1)
      end
      current[j] = best
    end
    before, previous, current = previous, current, before
  end
  return previous[#b]
end

--- Number of single-character edits (with swaps of neighbours) between two words.
---@param a string
---@param b string
---@return integer
suggest.distance = distance

local function cutoff(name)
  return min(3, max(1, (#name + 1) // 3), #name - 1)
end

local BEGUN = 0.5 -- edits that a word that was only begun counts for

local function is_start_of(name, word)
  return #name >= 3 and word:sub(1, #name) == name
end

--- The candidate nearest to the name, or nil when none is near enough.
---@param name string
---@param candidates string[]
---@return string|nil
function suggest.nearest(name, candidates)
  if type(name) ~= "string" or #name > 64 then return nil end
  local wanted, limit = name:lower(), cutoff(name)
  local best, best_distance
  for _, word in ipairs(candidates) do
    local apart = distance(wanted, word:lower())
    local near = apart <= limit
    if is_start_of(wanted, word:lower()) then near, apart = true, min(apart, BEGUN) end
    if near and (not best or apart < best_distance or apart == best_distance and word < best) then
      best, best_distance = word, apart
    end
  end
  return best
end

--- The end of an error message: `, did you mean "module"?`, or "" when nothing is near.
---@param name string
---@param candidates string[]
---@return string
function suggest.hint(name, candidates)
  local word = suggest.nearest(name, candidates)
  return word and (', did you mean "%s"?'):format(word) or ""
end

--- The message about a word that is none of a few: the nearest of them, or else all.
---@param value string
---@param words string[]
---@return string
function suggest.unknown(value, words)
  local hint = suggest.hint(value, words)
  if hint == "" then hint = (', expected one of "%s"'):format(table.concat(words, '", "')) end
  return ('unknown value "%s"%s'):format(value, hint)
end

return suggest
