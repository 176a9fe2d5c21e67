-- Let messages of a lease pass at their number's pace, and mark those that do as attempted, before any request leaves.
-- The pace is a generic cell rate algorithm in segments. A lease that has expired passes nothing: it may be in other hands.
-- KEYS: the number's next free moment (µs), leases, ids attempted under this lease
-- ARGV: lease token (empty for what leaves without one, which is not marked), µs per segment, tolerated burst (µs), ids joined by commas, their segments joined by commas
-- Returns {messages that passed, µs until the next one may}; -1 when the lease is lost.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local has_lease = ARGV[1] ~= ''
local expiry = has_lease and redis.call('ZSCORE', KEYS[2], ARGV[1])
if has_lease and (not expiry or tonumber(expiry) * 1000 <= now) then return {-1, '0'} end
local cost, burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local passed, segments = {}, string.gmatch(ARGV[5], '%d+')
for id in string.gmatch(ARGV[4], '%d+') do
  if at - now > burst then break end
  at = at + cost * tonumber(segments())
  passed[#passed + 1] = id
end
if #passed > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.floor((at - now) / 1000) + 60000)
  if has_lease then redis.call('SADD', KEYS[3], unpack(passed)) end
end
return {#passed, string.format('%.0f', math.max(0, at - now - burst))}
