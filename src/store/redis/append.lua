-- Appends a batch to a log, all or nothing, and tells who watches it.
--
-- KEYS[6…]  the receipts of its idempotency keys
-- ARGV      epoch of the log if it has to be created; time in milliseconds, or '' for Redis' own; nonce of this batch; channel;
--           retention: events, milliseconds, bytes; milliseconds to keep the receipts; number of guards; for each guard
--           'entity', type, id, expected revision, SHA-1 of the expected body or '', or
--           'finding', topic, type, most ids, number of ids, ids; number of events; for each event
--           its body, the type of its entity or '', and after a type: id, expected revision, SHA-1 of the expected body or '',
--           lifetime, 1 if deleted, topic to purge or '', number of topics, topics
-- returns   'appended' and the receipt | 'duplicate' and the receipt of then | 'conflict', the index of the event or guard, and
--           the entity as it is stored, or an empty table

-- More than this is not sent to watchers: they read it.
local PUBLISHED_BYTES = 256 * 1024
local CHAIN_DIGITS = 12

local nonce, channel = ARGV[3], ARGV[4]
local retention = { events = tonumber(ARGV[5]), milliseconds = tonumber(ARGV[6]), bytes = tonumber(ARGV[7]) }
local receiptMs = ARGV[8]
local at = 9

local function take()
  at = at + 1
  return ARGV[at - 1]
end

local log = open()
-- Fails on keys that hold something else, before anything is written.
redis.call('XLEN', ENTRIES)
redis.call('HLEN', ENTITIES)
redis.call('HLEN', KEPT)
redis.call('ZCARD', FILED)

local time = now()
local known, receipt = findReceipt(log, time)
-- A batch that finds itself was sent again because the answer got lost.
if known then return { known.nonce == nonce and 'appended' or 'duplicate', receipt } end

-- Entities as they are stored, and as the events before leave them; false where there is none.
local stored, draft = {}, {}

local function draftOf(field)
  if draft[field] == nil then
    stored[field] = find(field) or false
    draft[field] = stored[field]
  end
  return draft[field]
end

local function isFiledUnder(entity, topic)
  for _, each in ipairs(entity.topics) do
    if each == topic then return true end
  end
  return false
end

local function purge(topic, except)
  local start = filing(topic)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', FILED, '[' .. start, '(' .. start .. '\255')) do
    draftOf(string.sub(member, #start + 1))
  end
  for field, entity in pairs(draft) do
    if entity and field ~= except and isFiledUnder(entity, topic) then draft[field] = false end
  end
end

-- ISO 8601 as JavaScript writes it: the days of a Gregorian year are counted from March, so that leap days come last.
local function isoText(milliseconds)
  local day = math.floor(milliseconds / 86400000)
  local rest = milliseconds - day * 86400000
  local shifted = day + 719468
  local era = math.floor(shifted / 146097)
  local dayOfEra = shifted - era * 146097
  local yearOfEra = math.floor(
    (dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
  local dayOfYear = dayOfEra - (365 * yearOfEra + math.floor(yearOfEra / 4) - math.floor(yearOfEra / 100))
  local month = math.floor((5 * dayOfYear + 2) / 153)
  local dayOfMonth = dayOfYear - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  local year = yearOfEra + era * 400 + (month <= 2 and 1 or 0)
  local second = math.floor(rest / 1000)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, dayOfMonth,
    math.floor(second / 3600), math.floor(second / 60) % 60, second % 60, rest % 1000)
end

-- Plan: nothing is written yet.

local recordedAt = math.max(time, log.recordedAt)
local recordedAtText = isoText(recordedAt)
local offset, chain, bytes = log.offset, log.chain, 0
local rows, chains, revisions = {}, {}, {}

local function isAs(field, entity, expected, sha)
  if expected ~= (entity and entity.revision or 0) then return false end
  if sha == '' or not entity then return true end
  local row = rows[entity.offset - log.offset]
  return sha == redis.sha1hex(row and row.body or latest(log, field, entity)[5])
end

local function conflict(index, field)
  local current = field and stored[field]
  return { 'conflict', index, current and stateOf(log, field, current) or {} }
end

-- Whether a guard holds, and the entity that it is about, if it is about one. It is taken as a whole in any case.
local function guard()
  if take() == 'entity' then
    local field = take() .. '\0' .. take()
    local expected, sha = tonumber(take()), take()
    return isAs(field, draftOf(field), expected, sha), field
  end
  local start = filing(take()) .. take() .. '\0'
  local members = redis.call(
    'ZRANGEBYLEX', FILED, '[' .. start, '(' .. start .. '\255', 'LIMIT', 0, tonumber(take()))
  local count = tonumber(take())
  local holds = count == #members
  for index = 1, count do
    if start .. take() ~= members[index] then holds = false end
  end
  return holds
end

-- Known when all guards are taken: what comes behind them tells how many events there are.
local broken, brokenField
local guards = tonumber(take())
for index = 1, guards do
  local holds, field = guard()
  if not holds and not broken then broken, brokenField = index, field end
end

local events = tonumber(take())
if broken then return conflict(events + broken - 1, brokenField) end

for index = 1, events do
  local body, type = take(), take()
  local field, revision = '', 0
  offset = offset + 1
  chain = string.sub(redis.sha1hex(chain .. '\n' .. recordedAtText .. '\n' .. body), 1, CHAIN_DIGITS)
  bytes = bytes + #body
  if type ~= '' then
    field = type .. '\0' .. take()
    local expected, sha = tonumber(take()), take()
    local lifetime, deleted, purged = take(), take() == '1', take()
    local topics = {}
    for topic = 1, tonumber(take()) do topics[topic] = take() end
    local entity = draftOf(field)
    if not isAs(field, entity, expected, sha) then return conflict(index - 1, field) end
    revision = expected + 1
    draft[field] = { revision = revision, offset = offset, lifetime = lifetime, deleted = deleted, topics = topics }
    if purged ~= '' then purge(purged, field) end
  end
  rows[index] = { offset = offset, chain = chain, revision = revision, field = field, body = body }
  chains[index], revisions[index] = chain, revision
end

-- Write. Only the first command can still fail.

for _, row in ipairs(rows) do
  redis.call('XADD', ENTRIES, row.offset .. '-0',
    'c', row.chain, 't', recordedAt, 'r', row.revision, 'e', row.field, 'b', row.body)
end
for field, entity in pairs(draft) do
  local before = stored[field]
  if entity ~= before then
    refile(field, before and before.topics or {}, entity and entity.topics or {})
    if entity then
      redis.call('HSET', ENTITIES, field,
        cmsgpack.pack(entity.revision, entity.offset, entity.lifetime, entity.deleted, entity.topics))
    else
      redis.call('HDEL', ENTITIES, field)
    end
    if before and before.offset <= log.floor then redis.call('HDEL', KEPT, field) end
  end
end

if log.floor == log.offset then log.oldestAt = recordedAt end
log.offset, log.chain, log.recordedAt, log.bytes = offset, chain, recordedAt, log.bytes + bytes
-- Up to twice what was appended and a little more: it overtakes any writer.
trim(log, retention, time, 2 * events + 32)
save(log)

receipt = '{"nonce":"' .. nonce .. '","epoch":"' .. log.epoch .. '","first":' .. rows[1].offset .. ',"recordedAt":' .. recordedAt
  .. ',"chains":["' .. table.concat(chains, '","') .. '"],"revisions":[' .. table.concat(revisions, ',') .. ']}'
for index = 6, #KEYS do redis.call('SET', KEYS[index], receipt, 'PX', receiptMs) end

local published = {}
if bytes <= PUBLISHED_BYTES then
  for index, row in ipairs(rows) do
    published[index] = '[' .. row.offset .. ',"' .. row.chain .. '",' .. recordedAt .. ',' .. row.revision .. ',' .. row.body .. ']'
  end
end
redis.call('PUBLISH', channel, '{"epoch":"' .. log.epoch .. '","entries":[' .. table.concat(published, ',') .. ']}')
return { 'appended', receipt }
