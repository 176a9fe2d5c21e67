-- Renew a sender's slots and leases, and tell it how many requests it may have in flight.
-- KEYS: slots, slot expiry, leases, slots wanted
-- ARGV: holder, limit, slots it wants, slots that it uses or may use before it hears of this, slot time (ms), lease time (ms), lease token ...
-- Returns {slots held, slots to go to}: it may use what it holds, and starts nothing above the second.
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now)) do
  redis.call('HDEL', KEYS[1], dead)
  redis.call('HDEL', KEYS[4], dead)
  redis.call('ZREM', KEYS[2], dead)
end
local holder, limit, want, used = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[5]), holder)
redis.call('HSET', KEYS[4], holder, want)
local held, wanted, holders = 0, 0, 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  holders = holders + 1
  if name ~= holder then
    held = held + tonumber(redis.call('HGET', KEYS[1], name) or 0)
    wanted = wanted + tonumber(redis.call('HGET', KEYS[4], name) or 0)
  end
end
-- Each holder may have an equal share, and what the others do not want beyond it. One that has more goes down to its
-- share as its requests come back; nobody is given what another still holds.
local free = math.max(0, limit - held)
local target = math.min(want, math.max(math.ceil(limit / holders), limit - wanted), free)
local grant = math.max(target, math.min(used, free))
redis.call('HSET', KEYS[1], holder, grant)
for i = 7, #ARGV do
  -- An expired lease is not revived: the sweeper may be taking it apart.
  local expiry = redis.call('ZSCORE', KEYS[3], ARGV[i])
  if expiry and tonumber(expiry) > now then redis.call('ZADD', KEYS[3], now + tonumber(ARGV[6]), ARGV[i]) end
end
return {grant, target}
