-- The receipt of the batch that was appended with one of these idempotency keys.
--
-- KEYS[6…]  the receipts of the keys
-- ARGV      epoch, unused; time
-- returns   a table of the receipt, or an empty one

local log = load()
if not log then return {} end
local _, receipt = findReceipt(log, now())
return { receipt }
