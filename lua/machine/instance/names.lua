-- Names: where that is which a worker's `self` offers: its own, or what workers say and hear.

local names = {}

for name in ([[name path state generation history log sleep beat extend await yield]]):gmatch "%S+" do
  names[name] = "own"
end
for name in ([[send cast call send_after receive event defer reply state_timeout monitor demonitor link unlink trap
  task notify_task stream register join leave publish unit]]):gmatch "%S+" do
  names[name] = "conversation"
end

return names
