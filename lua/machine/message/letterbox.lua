-- Letterbox: where workers get their mail before anybody has had any. The mailbox is loaded with the first letter, and
-- takes the letterbox's place.

local instance = require "luvisor.machine.instance"
local mailbox = require "luvisor.core.lazy" "luvisor.machine.message.mailbox"

local letterbox = {}

--- Gives a kind of worker `deliver`, and its scheduler the handlers, with `serve` for requests that have come; but
--- where a guest may not have a scheduler yet, the kind has them.
---@param kind table
---@param env table
---@param handlers table<string, function>
function letterbox.attach(kind, env, handlers)
  local task = env.task

  local function open()
    local mail = env.mail
    kind.deliver, handlers.serve = mailbox.deliver, mail.serve
    mail.set_handlers(mailbox.handlers)
    instance.hasten(mail.index)
    task.set_handlers(handlers)
  end

  function kind.deliver(self, letter)
    open()
    return mailbox.deliver(self, letter)
  end

  function handlers.serve(object)
    open()
    return handlers.serve(object)
  end

  kind.serve, kind.handlers = handlers.serve, handlers
  if not env.is_lone then task.set_handlers(handlers) end
end

return letterbox
