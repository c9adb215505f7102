-- The workspaces that have leases, or had some lately.
--
-- KEYS     workspaces: sorted set of JSON text of the name → when it last got a lease, in seconds
-- ARGV     a workspace that gets one now; or nothing
-- returns  nothing; or all of them

local FORGOTTEN_SECONDS = 24 * 60 * 60

local seconds = tonumber(redis.call('TIME')[1])
if ARGV[1] then
  redis.call('ZADD', KEYS[1], seconds, ARGV[1])
  return
end
-- Leases last for seconds, and are swept soon after: what is left after a day is found again when the workspace is touched.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', seconds - FORGOTTEN_SECONDS)
return redis.call('ZRANGE', KEYS[1], 0, -1)
