-- One call of the lease table of a workspace. leases.ts says what each operation promises.
--
-- KEYS  leases: hash of member → JSON of its row; due: sorted set of member → when nobody has it any more;
--       caller: number of the last call of this process
-- ARGV  operation; number of the call; time in milliseconds, or '' for Redis' own; what the operation takes
--
-- A row: holds, by holder until when; seen; and while somebody is taking the member out: claim, who; over, until when;
-- settled, whether nothing of it is on its way any more.

local LEASES, DUE, CALLER = KEYS[1], KEYS[2], KEYS[3]
-- Longer than any call can be under way.
local CALLER_MS = 60 * 60 * 1000
-- A hold that ran out can be renewed late, until it is dropped for another hold that lives.
local LATE_MS = 60 * 1000

local operation = ARGV[1]

-- Bytes of a connection that was given up may arrive after those of its successor, and a cluster sends calls on.
if tonumber(ARGV[2]) <= tonumber(redis.call('GET', CALLER) or 0) then
  return redis.error_reply('OVERTAKEN a later call of this process came first')
end
redis.call('SET', CALLER, ARGV[2], 'PX', CALLER_MS)

local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function load(member)
  local row = redis.call('HGET', LEASES, member)
  return row and cjson.decode(row)
end

local function save(member, row)
  local due = row.over or 0
  if not row.claim then
    for _, expiry in pairs(row.holds) do due = math.max(due, expiry) end
  end
  redis.call('HSET', LEASES, member, cjson.encode(row))
  redis.call('ZADD', DUE, due, member)
end

-- 1 if this called off a claim that may have written OFFLINE, else 0.
local function extend(row, holder, ms)
  local contested = row.claim and not row.settled
  row.claim, row.over, row.settled = nil, nil, nil
  for other, expiry in pairs(row.holds) do
    if expiry <= now - LATE_MS then row.holds[other] = nil end
  end
  row.holds[holder] = now + ms
  row.seen = now
  return contested and 1 or 0
end

local function claim(row, id, ms)
  row.claim, row.over, row.settled = id, now + ms, false
end

local operations = {}

function operations.hold(ms, member, holder)
  local row = load(member) or { holds = {} }
  local contested = extend(row, holder, ms)
  save(member, row)
  return { now + ms, now, contested }
end

-- For each pair of member and holder: 0 gone, 1 renewed, 2 renewed and contested.
function operations.renew(ms, ...)
  local given, results = { ... }, {}
  for at = 1, #given, 2 do
    local member, holder = given[at], given[at + 1]
    local row, result = load(member), 0
    if row and row.holds[holder] then
      result = 1 + extend(row, holder, ms)
      save(member, row)
    end
    results[#results + 1] = result
  end
  return results
end

-- Takes pairs of member and when it was seen. No holder is called so: their names come as JSON texts.
function operations.adopt(ms, ...)
  local given = { ... }
  for at = 1, #given, 2 do
    local member, seen = given[at], tonumber(given[at + 1])
    if redis.call('HEXISTS', LEASES, member) == 0 then
      save(member, { holds = { adopted = now + ms }, seen = seen })
    end
  end
end

function operations.expired(limit)
  return redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)
end

-- When the member was seen, or nothing.
function operations.claim(ms, member, id)
  local due = redis.call('ZSCORE', DUE, member)
  if not due or tonumber(due) > now then return false end
  local row = load(member)
  claim(row, id, ms)
  save(member, row)
  return row.seen
end

function operations.evict(ms, member, id)
  local row = { holds = {}, seen = now }
  claim(row, id, ms)
  save(member, row)
  return now
end

local function claimed(member, id)
  local row = load(member)
  return row and row.claim == id and row
end

function operations.stands(_, member, id)
  return claimed(member, id) and 1 or 0
end

-- Without a time the member is forgotten.
function operations.settle(againMs, member, id)
  local row = claimed(member, id)
  if not row then return end
  if againMs then
    row.holds, row.over, row.settled = {}, now + againMs, true
    save(member, row)
  else
    redis.call('HDEL', LEASES, member)
    redis.call('ZREM', DUE, member)
  end
end

function operations.giveBack(_, member, id)
  local row = claimed(member, id)
  if not row then return end
  row.over = now
  save(member, row)
end

-- All of them take a number first.
return operations[operation](tonumber(ARGV[4]), unpack(ARGV, 5))
