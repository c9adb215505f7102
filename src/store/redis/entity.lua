-- The state of one entity.
--
-- ARGV     epoch and time, unused; type \0 id
-- returns  epoch, its latest entry, 1 if it is deleted; an empty table when it is not there

local log = load()
local entity = log and find(ARGV[3])
return entity and stateOf(log, ARGV[3], entity) or {}
