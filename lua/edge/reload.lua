-- Reload: brings the running tree to what the script says now. The script is loaded apart, validated whole, compared
-- with what runs, and only then is anything changed; a script that fails leaves everything as it was. One reload at a
-- time: another one waits for it, and those that wait for the same are one.

local lazy = require "luvisor.core.lazy"
local attempt = lazy "luvisor.edge.load.attempt"
local change = lazy "luvisor.machine.change"
local drifts = lazy "luvisor.core.plan.drift"
local generations = require "luvisor.edge.load.generation"
local imprint = require "luvisor.edge.load.imprint"
local loader = require "luvisor.edge.loader"
local manager = require "luvisor.edge.service.manager"
local pace = lazy "luvisor.machine.change.pace"
local plans = lazy "luvisor.core.plan"
local subscribers = require "luvisor.edge.subscribers"
local watches = lazy "luvisor.edge.watch"

local reload = {}

local REMEMBERED = 5 -- generations that can be rolled back to

local running -- { tree, env, write, path, file, loaded, past, queue, busy }

-- ---- loading

local function compare(loaded, message, code)
  if not loaded then return nil, message, code end
  imprint.note(loaded.generation, loaded.root)
  local plan
  plan, message, code = plans.compare(running.tree.root.spec, loaded.root)
  if plan then return loaded, plan end
  loaded.discard()
  return nil, message, code
end

-- done(loaded, plan) or done(nil, message, code), later. The comparison gives way to the workers, too, and may be cut.
local function load_apart(sources, done)
  local function run()
    local loaded, message, code = loader.load(running.path, { file = running.file, sources = sources })
    local over = not loaded
    local undo <close> = setmetatable({}, { __close = function() -- luacheck: ignore
      if not over then loaded.discard() end
    end })
    loaded, message, code = compare(loaded, message, code)
    over = true
    return loaded, message, code
  end
  attempt.run(running.tree.root, "reload", running.loaded.settings, run, done)
end

local function check_running()
  if not running then return nil, "no tree runs", "NOT_RUNNING" end
  if running.tree.stopping or running.tree.over then return nil, "the tree is stopping", "NOT_RUNNING" end
  return true
end

-- ---- a new generation takes over

local function remember_sources(loaded)
  local past = running.past
  past[#past + 1] = loaded.generation:sources()
  if #past > REMEMBERED then table.remove(past, 1) end
end

local function take_over(loaded)
  local before = running.loaded
  running.loaded, running.tree.drift = loaded, nil
  loaded.discard = nil
  loaded.generation:share(before.generation)
  generations.use(loaded.generation)
  subscribers.swap(running.env, before.subscribers, loaded.subscribers)
  running.env.settings, running.env.source = loaded.settings, loaded.source
  running.env.mail.forget() -- which has the time for calls
end

-- ---- one at a time

local next_request

local function finish(request, ...)
  if request.finished then return end
  request.finished, running.busy = true, false
  if request.over then request.over(request.outcome) end
  for _, reply in ipairs(request.replies) do reply(...) end
  next_request()
end

local function refuse(request, message, code)
  running.past[#running.past + 1] = request.sources -- what could not be gone back to now may be later
  request.outcome = ("%s: %s; nothing has changed"):format(request.what, message)
  running.write("error", "luvisor", "%s", request.outcome)
  finish(request, nil, message, code)
end

local function report(request, plan, failures, started)
  for _, one in ipairs(failures) do
    running.write("error", "luvisor", "%s: %s: %s", request.what, one.path, one.message)
  end
  running.write("info", "luvisor", "%s: done, %d step%s%s", request.what, #plan.steps, #plan.steps == 1 and "" or "s",
    #failures > 0 and (", %d failed"):format(#failures) or "")
  running.env.sockets.close_unused(running.tree.root)
  if request.build then
    if failures[1] then request.drop() end
    running.loaded.source.files = running.loaded.generation:sources()
    running.tree.drift = drifts.of(running.loaded.root, running.tree.root.spec)
  end
  finish(request, { plan = plan, failures = failures, started = started })
end

local function fail(request, message)
  running.write("error", "luvisor", "%s: %s", request.what, message) -- the next one in line is not to wait for it
  finish(request, nil, request.what .. ": internal error, see the log of the host", "INTERNAL")
end

local function log_step(request, step)
  running.write("info", "luvisor", "%s: %s", request.what, plans.line(step))
end

local function begin_change(request, root, plan)
  running.env.sockets.open_all(root)
  change.apply(running.tree, plan, function(failures, message, started)
    if failures then report(request, plan, failures, started) else fail(request, message) end
  end, request.cause, function(...)
    for _, fn in ipairs(request.onlookers) do fn(...) end
  end)
end

local function carry_out(request, root, plan)
  if plan:is_empty() then
    running.write("info", "luvisor", "%s: nothing has changed", request.what)
    return finish(request, { plan = plan, failures = {} })
  end
  local line = pace.new(running.env, function(message) fail(request, message) end)
  for _, step in ipairs(plan.steps) do line:put(log_step, request, step) end
  line:put(begin_change, request, root, plan)
end

-- The files that the script and its modules were read from, and what they were then.
local function files_read()
  local files, stamps = {}, {}
  for i, source in ipairs(running.loaded.generation:sources()) do
    files[i] = source.name == "" and running.file or source.path
    stamps[files[i]] = source.stamp
  end
  return files, stamps
end

local function apply(request, loaded, plan)
  local before = running.loaded
  if request.what == "reload" and not plan:is_empty() then remember_sources(before) end
  take_over(loaded)
  if running.watch then running.watch:set(files_read()) end
  carry_out(request, loaded.root, plan)
end

local function take_sources(request)
  if request.what ~= "rollback" then return true end
  request.sources = table.remove(running.past)
  if not request.sources then return nil, "nothing to go back to", "NOT_FOUND" end
  return true
end

local function on_loaded(request, loaded, plan, code)
  if not loaded then return refuse(request, plan, code) end
  local ok, message, reason = check_running() -- it may have been stopped meanwhile
  if request.what ~= "plan" and ok then return apply(request, loaded, plan) end
  loaded.discard()
  if not ok then return refuse(request, message, reason) end
  finish(request, { plan = plan, failures = {} })
end

-- A live edit: the same, but for the script, which says what it said before.
local function on_edited(request, root, message, code)
  local ok, plan
  running.loaded.generation.noting = nil
  if root then ok, message, code = check_running() end
  if ok then plan, message, code = plans.compare(running.tree.root.spec, root) end
  if plan then ok, message, code = request.check(plan) end
  if not plan or not ok then
    request.drop(true)
    return finish(request, nil, message, code)
  end
  running.loaded.source.files = running.loaded.generation:sources()
  if running.watch then running.watch:set(files_read()) end
  carry_out(request, root, plan)
end

local function serve_edit(request)
  local tree, loaded = running.tree, running.loaded
  request.drop = loaded.generation:mark() -- a module with a mistake in it is read again when it was mended
  local function build() return request.build(tree.root.spec, loaded) end
  attempt.run(tree.root, request.what, loaded.settings, build, function(...) on_edited(request, ...) end)
end

local function serve(request)
  local ok, message, code = check_running()
  if not ok then return refuse(request, message, code) end
  if request.build then return serve_edit(request) end
  ok, message, code = take_sources(request)
  if not ok then return refuse(request, message, code) end
  if request.what ~= "plan" then request.over, request.outcome = manager.reloading(), request.what .. ": done" end
  load_apart(request.sources, function(...) on_loaded(request, ...) end)
end

function next_request()
  if running.busy or not running.queue[1] then return end
  running.busy = true
  serve(table.remove(running.queue, 1))
end

local function put_in_line(request)
  running.queue[#running.queue + 1] = request
  running.env.post(next_request)
end

local function ask(what, cause, reply, look_on)
  if not running then return reply(nil, "no tree runs", "NOT_RUNNING") end
  local last = running.queue[#running.queue]
  if last and last.what == what and what ~= "rollback" then
    last.replies[#last.replies + 1], last.onlookers[#last.onlookers + 1] = reply, look_on
    return
  end
  put_in_line { what = what, cause = cause, replies = { reply }, onlookers = { look_on } }
end

local function ignore() end

--- Loads the script and applies what has changed; reply({ plan =, failures = }) or reply(nil, message, code).
---@param cause string who asks, for `why`
---@param reply? fun(result: table|nil, message: string|nil, code: string|nil)
---@param look_on? fun(done: integer, total: integer, path: string, what: string)
function reload.apply(cause, reply, look_on)
  ask("reload", cause, reply or ignore, look_on)
end

--- What a reload would do now: reply({ plan = }) or reply(nil, message, code).
---@param reply fun(result: table|nil, message: string|nil, code: string|nil)
function reload.plan(reply)
  ask("plan", nil, reply)
end

--- Goes back to the generation before the last reload that changed something, from what was read then.
---@param cause string
---@param reply? fun(result: table|nil, message: string|nil, code: string|nil)
---@param look_on? fun(done: integer, total: integer, path: string, what: string)
function reload.rollback(cause, reply, look_on)
  ask("rollback", cause, reply or ignore, look_on)
end

---@class luvisor.LiveEdit
---@field what string   what it is called: "set"
---@field cause string
---@field build fun(root: luvisor.Spec, loaded: table): luvisor.Spec|nil, string?, string? the tree as it is to be
---@field check fun(plan: luvisor.Plan): boolean|nil, string?, string?

--- Makes the tree another one than the script says; replies as reload.apply does.
---@param one luvisor.LiveEdit
---@param reply fun(result: table|nil, message: string|nil, code: string|nil)
function reload.edit(one, reply)
  if not running then return reply(nil, "no tree runs", "NOT_RUNNING") end
  put_in_line {
    what = one.what, cause = one.cause, build = one.build, check = one.check, replies = { reply }, onlookers = {},
  }
end

--- Reloads whenever one of those files changes.
function reload.watch()
  running.watch = watches.new(function()
    running.write("info", "luvisor", "a file has changed: reloading")
    reload.apply "a changed file"
  end, running.write)
  running.watch:set(files_read())
end

--- The tree has ended.
function reload.close()
  if running and running.watch then running.watch:close() end
end

--- What belongs to the tree that runs.
---@param given { tree: table, env: table, write: function, path: string, file: string, loaded: table }
function reload.install(given)
  running = {
    tree = given.tree, env = given.env, write = given.write, path = given.path, file = given.file,
    loaded = given.loaded, past = {}, queue = {}, busy = false,
  }
  imprint.note(given.loaded.generation, given.loaded.root)
end

--- What runs: the settings, sources and subscribers of the script.
---@return table|nil
function reload.loaded()
  return running and running.loaded
end

return reload
