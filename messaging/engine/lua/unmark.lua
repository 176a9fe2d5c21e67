-- Take marks away, but not those of an opt-out that came later.
-- KEYS: opt-outs
-- ARGV: time in seconds, members
-- Returns how many there were from before the time.
local count = 0
for place = 2, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[place])
  if score and tonumber(score) < tonumber(ARGV[1]) then
    count = count + redis.call('ZREM', KEYS[1], ARGV[place])
  end
end
return count
