-- Put ids at the end (or, "front", at the head) of a queue and the queue into its ring, once.
-- KEYS: queue, ring, chunks
-- ARGV: queue name, chunk, "front" or "back", id, id, ...
if #ARGV > 3 then
  local push = ARGV[3] == 'front' and 'LPUSH' or 'RPUSH'
  redis.call(push, KEYS[1], unpack(ARGV, 4))
end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 1 and not redis.call('LPOS', KEYS[2], ARGV[1]) then
  redis.call('RPUSH', KEYS[2], ARGV[1])
end
return redis.call('LLEN', KEYS[1])
