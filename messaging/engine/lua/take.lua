-- Take ids of the next queue, by turns, under a new lease.
-- A batch is held by its name, the part of its queues' names before the dot.
-- KEYS: ring 0, ring 1, chunks, held, leases
-- ARGV: key prefix, lease token, lease time (ms), most ids, rings to look at, excluded queue names ...
-- Returns {queue name, id, id, ...}; empty when there is nothing to take.
local prefix, token, ttl, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local excluded = {}
for i = 6, #ARGV do excluded[ARGV[i]] = true end
for r = 1, tonumber(ARGV[5]) do
  local ring = KEYS[r]
  for _ = 1, redis.call('LLEN', ring) do
    local name = redis.call('LPOP', ring)
    local queue = prefix .. 'queue:' .. name
    if excluded[name] then
      redis.call('RPUSH', ring, name)
    elseif redis.call('SISMEMBER', KEYS[4], string.match(name, '^[^.]+')) == 0 then
      local chunk = math.min(most, tonumber(redis.call('HGET', KEYS[3], name) or most))
      local ids = redis.call('LPOP', queue, chunk)
      if ids then
        local now = redis.call('TIME')
        redis.call('ZADD', KEYS[5], now[1] * 1000 + math.floor(now[2] / 1000) + ttl, token)
        redis.call('RPUSH', prefix .. 'lease:' .. token, name, unpack(ids))
        if redis.call('EXISTS', queue) == 1 then redis.call('RPUSH', ring, name) end
        table.insert(ids, 1, name)
        return ids
      end
    end
  end
end
return {}
