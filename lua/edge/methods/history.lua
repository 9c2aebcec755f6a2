-- Methods, history: where the host keeps it; the client reads it there, also when the host is gone.

local methods = {}

methods.history = {
  summary = "the file that the host keeps its history in, and how many entries were written and lost",
  params = {},
  call = function(context, _, reply)
    local annals = context.history
    if not annals then return reply { written = 0, lost = 0 } end
    local written, lost, message = annals.keeper:count()
    reply { path = annals.path, written = written, lost = lost, message = message }
  end,
}

return methods
