-- Let messages spend what is left of their brand's day and of their 10DLC campaign's day and minute, before their pace is asked.
-- The minute is a generic cell rate algorithm in segments, as the pace is.
-- KEYS: the brand's day, the campaign's day, the campaign's next free moment (µs)
-- ARGV: caps of the brand's and of the campaign's day in segments (-1: none; -2: none, although the day is closed), µs per segment (0: any number a minute),
--   tolerated burst (µs), 1 for what leaves whatever is left, segments of each message joined by commas (0: it costs nothing)
-- Returns {messages that may leave, what holds up the next one: '', 'day' or 'minute', µs until it may, where a minute does};
-- -1 when a day's count is not there: it must be made from the rows first.
local used = {redis.call('HGET', KEYS[1], 'used'), redis.call('HGET', KEYS[2], 'used')}
if not used[1] or not used[2] then return {-1, '', '0'} end
local caps = {tonumber(ARGV[1]), tonumber(ARGV[2])}
-- Carriers have said that nothing is left of it.
local closed = caps[1] ~= -2 and redis.call('HEXISTS', KEYS[1], 'closed') == 1
local cost, burst, always = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5] == '1'
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(tonumber(redis.call('GET', KEYS[3]) or 0), now)
local passed, spent, hold = 0, 0, ''
for text in string.gmatch(ARGV[6], '%d+') do
  local segments = tonumber(text)
  if segments > 0 and not always then
    if closed then hold = 'day' break end
    for i = 1, 2 do
      if caps[i] >= 0 and used[i] + spent + segments > caps[i] then
        hold = 'day'
        -- So that nobody asks again for less than what is left but too little.
        redis.call('HSET', KEYS[i], 'short', segments)
        break
      end
    end
    if hold == '' and cost > 0 and at - now > burst then hold = 'minute' end
    if hold ~= '' then break end
  end
  spent, passed = spent + segments, passed + 1
  at = at + cost * segments
end
if spent > 0 then
  redis.call('HINCRBY', KEYS[1], 'used', spent)
  redis.call('HINCRBY', KEYS[2], 'used', spent)
  if cost > 0 then
    redis.call('SET', KEYS[3], string.format('%.0f', at), 'PX', math.floor((at - now) / 1000) + 60000)
  end
end
return {passed, hold, string.format('%.0f', math.max(0, at - now - burst))}
