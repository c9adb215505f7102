-- What all scripts share. scripts.ts puts it before each of them.
--
-- KEYS[1] to KEYS[5] are one log, all of it in one hash slot:
--   log       hash    epoch, offset, chain and recordedAt of the newest entry; floor and floorChain: the last entry that was
--                     trimmed; bytes of the bodies behind it; oldestAt: recordedAt of the first entry behind it
--   entries   stream  the entries behind the floor, with their offsets as ids
--   entities  hash    type \0 id → revision, offset of the latest entry, lifetime, deleted, topics
--   kept      hash    type \0 id → the latest entry of an entity, where it was trimmed from the stream
--   filed     zset    length of the topic : topic type \0 id, all with score 0, so that it is ordered by bytes
-- Beside it are receipts: strings of what a batch got, by idempotency key, which expire.
--
-- A script that fails leaves nothing half-written: what can fail comes before the first write, and Redis refuses for lack of
-- memory, a full disk or a role change only the first write of a script.

if not redis.REDIS_VERSION_NUM then return redis.error_reply('ERR Tidings needs Redis 7 or newer') end

local LOG, ENTRIES, ENTITIES, KEPT, FILED = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local RECEIPT_MS = 7 * 24 * 60 * 60 * 1000
-- Rows read at a time: together with the size of an event this bounds the memory that a script takes.
local CHUNK = 64

local function now()
  if ARGV[2] ~= '' then return tonumber(ARGV[2]) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The log, or nil when it was never there.
local function load()
  local stored = redis.call(
    'HMGET', LOG, 'epoch', 'offset', 'chain', 'recordedAt', 'floor', 'floorChain', 'bytes', 'oldestAt')
  if not stored[1] then return nil end
  return {
    epoch = stored[1], offset = tonumber(stored[2]), chain = stored[3], recordedAt = tonumber(stored[4]),
    floor = tonumber(stored[5]), floorChain = stored[6], bytes = tonumber(stored[7]), oldestAt = tonumber(stored[8]),
  }
end

local function save(log)
  redis.call(
    'HSET', LOG, 'epoch', log.epoch, 'offset', log.offset, 'chain', log.chain, 'recordedAt', log.recordedAt,
    'floor', log.floor, 'floorChain', log.floorChain, 'bytes', log.bytes, 'oldestAt', log.oldestAt)
end

-- The log, created where it is not there.
local function open()
  local log = load()
  if log then return log end
  log = {
    epoch = ARGV[1], offset = 0, chain = '0', recordedAt = 0, floor = 0, floorChain = '0', bytes = 0, oldestAt = 0,
  }
  save(log)
  -- Left over where somebody deleted a part: it belongs to another epoch.
  redis.call('DEL', ENTRIES, ENTITIES, KEPT, FILED)
  return log
end

-- offset, chain, recordedAt, revision, body; and the entity that it is about, or ''.
local function entryOf(row)
  local fields = row[2]
  return { string.match(row[1], '^%d+'), fields[2], fields[4], fields[6], fields[10] }, fields[8]
end

local function find(field)
  local packed = redis.call('HGET', ENTITIES, field)
  if not packed then return nil end
  local revision, offset, lifetime, deleted, topics = cmsgpack.unpack(packed)
  return { revision = revision, offset = offset, lifetime = lifetime, deleted = deleted, topics = topics }
end

-- The entry that is the state of an entity.
local function latest(log, field, entity)
  if entity.offset > log.floor then
    return (entryOf(redis.call('XRANGE', ENTRIES, entity.offset, entity.offset)[1]))
  end
  local chain, recordedAt, revision, body = cmsgpack.unpack(redis.call('HGET', KEPT, field))
  return { entity.offset, chain, recordedAt, revision, body }
end

-- An entity as an answer: epoch, latest entry, 1 if it is deleted.
local function stateOf(log, field, entity)
  return { log.epoch, latest(log, field, entity), entity.deleted and 1 or 0 }
end

-- How what is filed under a topic begins.
local function filing(topic)
  return #topic .. ':' .. topic
end

local function refile(field, before, after)
  local missing = {}
  for _, topic in ipairs(after) do missing[topic] = true end
  for _, topic in ipairs(before) do
    if missing[topic] then missing[topic] = nil else redis.call('ZREM', FILED, filing(topic) .. field) end
  end
  for topic in pairs(missing) do redis.call('ZADD', FILED, 0, filing(topic) .. field) end
end

-- The receipt of a batch that had one of the keys from KEYS[6] on, if it is still known: decoded, and as it is stored.
local function findReceipt(log, time)
  for index = 6, #KEYS do
    local stored = redis.call('GET', KEYS[index])
    if stored then
      local receipt = cjson.decode(stored)
      if receipt.epoch == log.epoch and receipt.recordedAt >= time - RECEIPT_MS then return receipt, stored end
    end
  end
  return nil
end

-- What becomes of an entity whose latest entry is trimmed: it goes too, or keeps the entry elsewhere.
local function detach(field, entry)
  local entity = find(field)
  if not entity or entity.offset ~= tonumber(entry[1]) then return end
  if entity.lifetime == 'log' then
    refile(field, entity.topics, {})
    redis.call('HDEL', ENTITIES, field)
  else
    redis.call('HSET', KEPT, field, cmsgpack.pack(entry[2], entry[3], entry[4], entry[5]))
  end
end

-- Trims at most `limit` entries of what the retention { events, milliseconds, bytes } doesn't cover; `save` is up to the
-- caller. Returns how many.
local function trim(log, retention, time, limit)
  local function outside()
    return log.floor < log.offset and (log.offset - log.floor > retention.events or log.bytes > retention.bytes
      or log.oldestAt < time - retention.milliseconds)
  end
  local from = log.floor
  local step = log.offset - log.floor - retention.events
  while log.floor - from < limit and outside() do
    step = math.max(1, math.min(step, CHUNK, limit - (log.floor - from)))
    -- One more, which then is the oldest.
    local rows = redis.call('XRANGE', ENTRIES, log.floor + 1, '+', 'COUNT', step + 1)
    local trimmed = 0
    while trimmed < step and rows[trimmed + 1] and outside() do
      trimmed = trimmed + 1
      local entry = entryOf(rows[trimmed])
      log.floor, log.floorChain, log.bytes = tonumber(entry[1]), entry[2], log.bytes - #entry[5]
      log.oldestAt = rows[trimmed + 1] and tonumber(entryOf(rows[trimmed + 1])[3]) or 0
    end
    if trimmed == 0 then break end
    -- The first write must not need memory: where there is none left, this is what makes room.
    redis.call('XTRIM', ENTRIES, 'MINID', log.floor + 1)
    for index = 1, trimmed do
      local entry, field = entryOf(rows[index])
      if field ~= '' then detach(field, entry) end
    end
    step = step * 2
  end
  return log.floor - from
end
