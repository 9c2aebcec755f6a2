-- Reload: brings the running tree to what the script says now. The script is loaded apart, validated whole, compared
-- with what runs, and only then is anything changed; a script that fails leaves everything as it was. One reload at a
-- time: another one waits for it, and those that wait for the same are one.

local bounded = require "luvisor.edge.bounded"
local change = require "luvisor.machine.change"
local generations = require "luvisor.edge.generation"
local imprint = require "luvisor.edge.imprint"
local loader = require "luvisor.edge.loader"
local plans = require "luvisor.core.plan"

local reload = {}

local REMEMBERED = 5 -- generations that can be rolled back to

local running -- { tree, env, write, path, file, loaded, past, queue, busy }

-- ---- loading

local function load_apart(sources)
  local settings = running.loaded.settings
  local loaded, message, code = loader.load(running.path, {
    file = running.file, sources = sources,
    bound = bounded.new("loading", settings.load_timeout, settings.load_memory),
  })
  if not loaded then return nil, message, code end
  imprint.note(loaded.generation, loaded.root)
  local plan
  plan, message, code = plans.compare(running.tree.root.spec, loaded.root)
  if plan then return loaded, plan end
  loaded.discard()
  return nil, message, code
end

local function check_running()
  if not running then return nil, "no tree runs", "NOT_RUNNING" end
  if running.tree.stopping or running.tree.over then return nil, "the tree is stopping", "NOT_RUNNING" end
  return true
end

--- What a reload would do now.
---@return luvisor.Plan|nil
---@return string? message
---@return string? code
function reload.plan()
  local ok, message, code = check_running()
  if not ok then return nil, message, code end
  local loaded, plan
  loaded, plan, code = load_apart()
  if not loaded then return nil, plan, code end
  loaded.discard()
  return plan
end

-- ---- a new generation takes over

-- Those of the script that ran make way for those of the new one; who subscribed at run time stays.
local function swap_subscribers(env, old, new)
  for kind, list in pairs(env.subscribers) do
    local of_script, kept = {}, {}
    for _, fn in ipairs(old[kind] or {}) do of_script[fn] = true end
    for _, fn in ipairs(list) do
      if not of_script[fn] then kept[#kept + 1] = fn end
    end
    env.subscribers[kind] = kept
  end
  reload.subscribe(env, new)
end

--- Adds what a script subscribed to; its own lists stay as they are.
---@param env table
---@param subscribers table<string, function[]>
function reload.subscribe(env, subscribers)
  for kind, list in pairs(subscribers) do
    local all = env.subscribers[kind] or {}
    table.move(list, 1, #list, #all + 1, all)
    env.subscribers[kind] = all
    env.watch(kind)
  end
end

local function remember_sources(loaded)
  local past = running.past
  past[#past + 1] = loaded.generation:sources()
  if #past > REMEMBERED then table.remove(past, 1) end
end

-- The texts of two generations are mostly the same: kept once.
local function share_texts(old, new)
  for _, source in ipairs(new.list) do
    local before = old.by_name[source.name]
    if before and before.text == source.text then source.text = before.text end
  end
end

local function take_over(loaded)
  local before = running.loaded
  running.loaded = loaded
  loaded.discard = nil
  share_texts(before.generation, loaded.generation)
  generations.use(loaded.generation)
  swap_subscribers(running.env, before.subscribers, loaded.subscribers)
  running.env.settings, running.env.source = loaded.settings, loaded.source
end

-- ---- one at a time

local next_request

local function finish(request, ...)
  running.busy = false
  for _, reply in ipairs(request.replies) do reply(...) end
  next_request()
end

local function refuse(request, message, code)
  running.write("error", "luvisor", "%s: %s; nothing has changed", request.what, message)
  finish(request, nil, message, code)
end

local function report(request, plan, failures)
  for _, one in ipairs(failures) do
    running.write("error", "luvisor", "%s: %s: %s", request.what, one.path, one.message)
  end
  running.write("info", "luvisor", "%s: done, %d step%s%s", request.what, #plan.steps, #plan.steps == 1 and "" or "s",
    #failures > 0 and (", %d failed"):format(#failures) or "")
  finish(request, { plan = plan, failures = failures })
end

local function apply(request, loaded, plan)
  local before = running.loaded
  if request.what == "reload" and not plan:is_empty() then remember_sources(before) end
  take_over(loaded)
  if plan:is_empty() then
    running.write("info", "luvisor", "%s: nothing has changed", request.what)
    return finish(request, { plan = plan, failures = {} })
  end
  for _, step in ipairs(plan.steps) do
    running.write("info", "luvisor", "%s: %s", request.what, plans.line(step))
  end
  running.env.sockets.open_all(loaded.root)
  change.apply(running.tree, plan, function(failures) report(request, plan, failures) end)
end

local function sources_of(request)
  if request.what ~= "rollback" then return true, nil end
  local sources = table.remove(running.past)
  if not sources then return nil, "nothing to go back to", "NOT_FOUND" end
  return true, sources
end

local function serve(request)
  local ok, message, code = check_running()
  if not ok then return refuse(request, message, code) end
  local sources
  ok, sources, code = sources_of(request)
  if not ok then return refuse(request, sources, code) end
  local loaded, plan
  loaded, plan, code = load_apart(sources)
  if not loaded then return refuse(request, plan, code) end
  apply(request, loaded, plan)
end

function next_request()
  if running.busy or not running.queue[1] then return end
  running.busy = true
  serve(table.remove(running.queue, 1))
end

local function ask(what, reply)
  if not running then return reply(nil, "no tree runs", "NOT_RUNNING") end
  local queue = running.queue
  local last = queue[#queue]
  if last and last.what == what and what == "reload" then
    last.replies[#last.replies + 1] = reply
    return
  end
  queue[#queue + 1] = { what = what, replies = { reply } }
  running.env.post(next_request)
end

--- Loads the script and applies what has changed; reply({ plan =, failures = }) or reply(nil, message, code).
---@param reply? fun(result: table|nil, message: string|nil, code: string|nil)
function reload.apply(reply)
  ask("reload", reply or function() end)
end

--- Goes back to the generation before the last reload that changed something, from what was read then.
---@param reply? fun(result: table|nil, message: string|nil, code: string|nil)
function reload.rollback(reply)
  ask("rollback", reply or function() end)
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
