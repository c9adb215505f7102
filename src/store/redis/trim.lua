-- One step of trimming what became too old in a log that nobody writes to.
--
-- ARGV     epoch, unused; time; retention: events, milliseconds, bytes; most entries
-- returns  how many were trimmed

local log = load()
if not log then return 0 end
local retention = { events = tonumber(ARGV[3]), milliseconds = tonumber(ARGV[4]), bytes = tonumber(ARGV[5]) }
local trimmed = trim(log, retention, now(), tonumber(ARGV[6]))
if trimmed > 0 then save(log) end
return trimmed
