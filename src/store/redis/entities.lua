-- A page of the entities of one type that are filed under a topic, by id, and the position that it is true at.
--
-- ARGV     epoch of the log if it has to be created; time, unused; type; topic; '>' and the id to go on behind, or ''; most
--          entities
-- returns  epoch, offset and chain of the head; 1 if there are more; latest entries

-- The page is cut short behind this many bytes of bodies. More than a page of `read`, as it can't be put together of several.
local PAGE_BYTES = 4 * 1024 * 1024

local start = filing(ARGV[4]) .. ARGV[3] .. '\0'
local from = ARGV[5] == '' and '[' .. start or '(' .. start .. string.sub(ARGV[5], 2)
local to = '(' .. start .. '\255'
local limit = tonumber(ARGV[6])

local log = open()
local page, bytes = {}, 0

local function answer(hasMore)
  return { log.epoch, log.offset, log.chain, hasMore, page }
end

while true do
  local count = math.min(CHUNK, limit + 1 - #page)
  local members = redis.call('ZRANGEBYLEX', FILED, from, to, 'LIMIT', 0, count)
  for _, member in ipairs(members) do
    if #page == limit or bytes >= PAGE_BYTES then return answer(1) end
    local field = string.sub(member, #filing(ARGV[4]) + 1)
    local entry = latest(log, field, find(field))
    page[#page + 1] = entry
    bytes = bytes + #entry[5]
    from = '(' .. member
  end
  if #members < count then return answer(0) end
end
