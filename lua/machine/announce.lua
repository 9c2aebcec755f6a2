-- Announce: tells the log and the onlookers that a unit's machine has gone from one state to another.

---@param self table the unit, in the state that it has come to
---@param from table the state that it has left
---@param event string
return function(self, from, event)
  local env, to = self.env, self.state.name
  if env.logs.info then
    env.log("info", self, "%s -> %s (%s)", from.name, to, self.failure and tostring(self.failure) or event)
  end
  if env.watched.transition then
    env.emit("transition", self, { event = event, from = from.name, to = to, generation = self.generation })
  end
end
