-- How many of something each process holds. redis-tally.ts says when it is called.
--
-- KEYS  hashes of process → "count until", one for each thing that is counted
-- ARGV  'take' or 'tell'; the process; milliseconds that what it says counts; the most that all may hold together ('take');
--       the process' own count for each key
--
-- 'take' answers 1, or 0 where there are as many as allowed: then nothing is written. Counts are told, not added up: a call that is
-- sent twice or lost does no harm that the next one doesn't mend.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local operation, process, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])

if operation == 'take' then
  local total = tonumber(ARGV[5])
  local rows = redis.call('HGETALL', KEYS[1])
  for i = 1, #rows, 2 do
    local count, expiry = string.match(rows[i + 1], '^(%d+) (%d+)$')
    if rows[i] ~= process then
      -- A process that says nothing any more holds nothing.
      if tonumber(expiry) <= now then redis.call('HDEL', KEYS[1], rows[i])
      else total = total + tonumber(count) end
    end
  end
  if total > tonumber(ARGV[4]) then return 0 end
end

for i, key in ipairs(KEYS) do
  local count = tonumber(ARGV[4 + i])
  if count == 0 then
    redis.call('HDEL', key, process)
  else
    redis.call('HSET', key, process, string.format('%d %d', count, now + lease))
    redis.call('PEXPIRE', key, lease)
  end
end
return 1
