-- Names: what is in the modules that bring what a worker's `self` offers: name -> module. The second one is of what
-- workers say and hear.

local names = {}

for name in ([[name path state generation history log sleep beat extend await yield]]):gmatch "%S+" do
  names[name] = "luvisor.machine.instance.own"
end
for name in ([[send cast call send_after receive event defer reply state_timeout monitor demonitor link unlink trap
  task notify_task stream register join leave publish unit]]):gmatch "%S+" do
  names[name] = "luvisor.machine.message.conversation"
end

return names
