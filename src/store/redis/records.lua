-- Short texts by key, each until its time is over: one collection of them.
--
-- KEYS     values: hash of key → value; due: sorted set of the same keys by the millisecond at which each is over
-- ARGV     operation; time in milliseconds, or '' for Redis' own; and what the operation needs:
--            put     milliseconds to keep; then key and value, for each
--            get     key                       returns the value, or nothing
--            all                               returns key and value, for each
--            remove  key
--
-- Nothing looks after collections: each put forgets what is over, and a collection goes as a whole when its last record does.

local VALUES, DUE = KEYS[1], KEYS[2]
local operation = ARGV[1]

local time = tonumber(ARGV[2])
if not time then
  local now = redis.call('TIME')
  time = now[1] * 1000 + math.floor(now[2] / 1000)
end

if operation == 'get' then
  local due = redis.call('ZSCORE', DUE, ARGV[3])
  if not due or tonumber(due) <= time then return nil end
  return redis.call('HGET', VALUES, ARGV[3])
end

if operation == 'all' then
  local over = {}
  for _, key in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', time)) do over[key] = true end
  local stored, live = redis.call('HGETALL', VALUES), {}
  for index = 1, #stored, 2 do
    if not over[stored[index]] then
      live[#live + 1] = stored[index]
      live[#live + 1] = stored[index + 1]
    end
  end
  return live
end

if operation == 'remove' then
  redis.call('ZREM', DUE, ARGV[3])
  redis.call('HDEL', VALUES, ARGV[3])
  return nil
end

local dueAt = time + tonumber(ARGV[3])
for index = 4, #ARGV, 2 do
  redis.call('ZADD', DUE, dueAt, ARGV[index])
  redis.call('HSET', VALUES, ARGV[index], ARGV[index + 1])
end
-- Twice as many as were put, and a few more: it overtakes any writer.
for _, key in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', time, 'LIMIT', 0, #ARGV + 32)) do
  redis.call('ZREM', DUE, key)
  redis.call('HDEL', VALUES, key)
end
local last = redis.call('ZRANGE', DUE, -1, -1, 'WITHSCORES')[2] - time
redis.call('PEXPIRE', DUE, last)
redis.call('PEXPIRE', VALUES, last)
return nil
