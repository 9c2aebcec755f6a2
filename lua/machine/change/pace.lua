-- Pace: much work a little at a time, in the order in which it was put, with a turn of the loop for everybody else in
-- between.

local BURST = 8 -- pieces before others have their turn

local pace = {}

---@class luvisor.Pace
local Pace = { __name = "luvisor.pace" }
Pace.__index = Pace

local function next_piece(self)
  local piece = self.queue[self.first]
  if piece then self.queue[self.first], self.first = nil, self.first + 1 end
  return piece
end

local run

-- What is posted is still done in this turn of the loop; what is put off is not.
local function run_later(self)
  if self.due then return end
  self.due = true
  if self.left > 0 then return self.env.post(run, self) end
  self.left = BURST
  self.env.after(0, run, self)
end

function run(self)
  self.due = nil
  while self.left > 0 do
    local piece = next_piece(self)
    if not piece then return end
    self.left = self.left - 1
    local ok, message = xpcall(piece[1], debug.traceback, table.unpack(piece, 2, piece.n))
    if not ok then
      self.queue, self.first, self.last = {}, 1, 0
      return self.failed(message)
    end
  end
  if self.queue[self.first] then run_later(self) end
end

--- Has fn(...) called when it is its turn.
---@param fn function
---@param ... any
function Pace:put(fn, ...)
  self.last = self.last + 1
  self.queue[self.last] = table.pack(fn, ...)
  run_later(self)
end

--- A new line; after an error what is still in it is dropped, and failed(message) called.
---@param env table
---@param failed fun(message: string)
---@return luvisor.Pace
function pace.new(env, failed)
  return setmetatable({ env = env, failed = failed, queue = {}, first = 1, last = 0, left = BURST }, Pace)
end

return pace
