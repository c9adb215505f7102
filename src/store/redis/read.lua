-- A page of a log, and where the log ends; creates the log where it is not there.
--
-- ARGV     epoch of the log if it has to be created; time; position: epoch or '' for where the log begins or ends, offset,
--          chain; most entries; 'after' or 'before': which of the position's sides to read
-- returns  '' or why the position is lost; epoch, offset and chain of the head; number of entries and bytes that are retained;
--          entries

-- The page is cut short behind this many bytes of bodies: others wait while a script runs.
local PAGE_BYTES = 1024 * 1024

local epoch, offset, chain = ARGV[3], tonumber(ARGV[4]), ARGV[5]
local limit, isBackwards = tonumber(ARGV[6]), ARGV[7] == 'before'

local log = open()
local page = {}

local function answer(lost)
  return { lost, log.epoch, log.offset, log.chain, log.offset - log.floor, log.bytes, page }
end

if epoch == '' then
  offset = isBackwards and log.offset + 1 or log.floor
elseif epoch ~= log.epoch then
  return answer('epoch')
elseif offset > log.offset then
  return answer('ahead')
elseif offset < log.floor then
  return answer('trimmed')
else
  -- The entry at the floor is gone; its chain is remembered, so that nothing is lost for who has read up to there.
  local known = log.floorChain
  if offset > log.floor then
    local row = redis.call('XRANGE', ENTRIES, offset, offset)[1]
    known = row and entryOf(row)[2]
  end
  if known ~= chain then return answer('chain') end
end

local bytes, step = 0, 8
while #page < limit and bytes < PAGE_BYTES do
  local count = math.min(step, limit - #page)
  local rows
  if isBackwards then
    rows = redis.call('XREVRANGE', ENTRIES, math.max(offset - 1, 0), '-', 'COUNT', count)
  else
    rows = redis.call('XRANGE', ENTRIES, offset + 1, '+', 'COUNT', count)
  end
  for _, row in ipairs(rows) do
    if bytes >= PAGE_BYTES then break end
    local entry = entryOf(row)
    page[#page + 1] = entry
    bytes = bytes + #entry[5]
    offset = tonumber(entry[1])
  end
  if #rows < count then break end
  step = math.min(step * 2, CHUNK)
end
if isBackwards then
  for index = 1, math.floor(#page / 2) do
    page[index], page[#page + 1 - index] = page[#page + 1 - index], page[index]
  end
end
return answer('')
