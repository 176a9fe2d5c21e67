-- How many of these messages may leave a number now (generic cell rate algorithm, in segments).
-- KEYS: the number's next free moment (µs)
-- ARGV: µs per segment, tolerated burst (µs), segments of message 1, of message 2, ...
-- Returns {messages that may leave, µs until the next one may}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local cost, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local granted = 0
for i = 3, #ARGV do
  if at - now > burst then break end
  at = at + cost * tonumber(ARGV[i])
  granted = granted + 1
end
if granted > 0 then
  redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.floor((at - now) / 1000) + 60000)
end
return {granted, string.format('%.0f', math.max(0, at - now - burst))}
