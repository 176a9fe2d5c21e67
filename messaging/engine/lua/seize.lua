-- Take expired leases out of their holders' hands; from here on nothing passes under them.
-- KEYS: leases, seized
-- Returns the tokens of all seized leases, those that an earlier sweep did not finish included.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for _, token in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do
  redis.call('SADD', KEYS[2], token)
  redis.call('ZREM', KEYS[1], token)
end
return redis.call('SMEMBERS', KEYS[2])
