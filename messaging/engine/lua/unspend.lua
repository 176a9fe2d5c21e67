-- Give back what messages spent that have not left after all. A count that is not there was not paid into.
-- KEYS: the brand's day, the campaign's day
-- ARGV: segments
for _, name in ipairs(KEYS) do
  local used = redis.call('HGET', name, 'used')
  if used then redis.call('HINCRBY', name, 'used', -math.min(tonumber(ARGV[1]), tonumber(used))) end
end
