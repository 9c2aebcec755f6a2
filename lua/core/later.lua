-- Later: a function of a module that is loaded when the function is first called.

---@param module string
---@param name string
---@return function
return function(module, name)
  return function(...) return require(module)[name](...) end
end
