-- The state of one entity.
--
-- ARGV     epoch and time, unused; type \0 id
-- returns  its latest entry and 1 if it is deleted; nothing when it is not there

local log = load()
local entity = log and find(ARGV[3])
if not entity then return {} end
return { latest(log, ARGV[3], entity), entity.deleted and 1 or 0 }
