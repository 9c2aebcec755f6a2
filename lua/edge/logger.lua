-- Logger: the `log` of a unit, with a method for each level: self.log:warn("lost %d files", n).

---@param write function of the log
---@param unit table
---@return table
return function(write, unit)
  local logger = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    logger[level] = function(self, format, ...)
      if self ~= logger then error(("self.log:%s: with a colon, not a dot"):format(level), 2) end
      if select("#", ...) == 0 then return write(level, unit, "%s", tostring(format)) end
      local ok, text = pcall(string.format, format, ...)
      if not ok then error(("self.log:%s: %s"):format(level, text), 2) end
      write(level, unit, "%s", text)
    end
  end
  return logger
end
