-- Who of some recipients must not be sent to.
-- KEYS: opt-outs
-- ARGV: our number, account, the recipients' numbers joined by commas, whether they are a campaign's (1 or 0)
-- Returns their places, from 1.
local found, place = {}, 0
local of_number, of_account = 'n:' .. ARGV[1] .. '|', 'a:' .. ARGV[2] .. '|'
local held = ARGV[4] == '1' and 'h:' .. ARGV[2] .. '|'
for person in string.gmatch(ARGV[3], '[^,]+') do
  place = place + 1
  if redis.call('ZSCORE', KEYS[1], of_number .. person) or redis.call('ZSCORE', KEYS[1], of_account .. person)
    or held and redis.call('ZSCORE', KEYS[1], held .. person) then
    found[#found + 1] = place
  end
end
return found
