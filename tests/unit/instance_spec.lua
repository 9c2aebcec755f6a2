-- SPDX-License-Identifier: Apache-2.0
-- What the `self` of workers offers, of which most is loaded when it is first asked for.

local INSTANCE, OWN, TALK = "luvisor.machine.instance", "luvisor.machine.instance.own",
  "luvisor.machine.message.conversation"

describe("what a worker's self offers", function()
  local loaded, object

  before_each(function()
    loaded = {}
    for _, name in ipairs { INSTANCE, OWN, TALK } do loaded[name], package.loaded[name] = package.loaded[name], nil end
    object = setmetatable({}, require(INSTANCE).meta)
  end)

  after_each(function()
    for _, name in ipairs { INSTANCE, OWN, TALK } do package.loaded[name], package.preload[name] = loaded[name], nil end
  end)

  for module, key in pairs { [OWN] = "beat", [TALK] = "send" } do
    it("is there for the next who asks when the first was ended while it was loaded: " .. key, function()
      package.preload[module] = function() error("cut short", 0) end
      local ok, message = pcall(function() return object[key] end)
      assert.is_false(ok)
      assert.truthy(message:find "cut short")
      package.preload[module] = nil
      assert.is_function(object[key])
      assert.is_false(pcall(function() object[key] = 1 end))
    end)
  end
end)
