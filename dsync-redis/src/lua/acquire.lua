-- Takes the lease if there is no record.
-- KEYS: record, counter. ARGV: holder, duration in ms, token floor, expiry of the counter in ms.
-- One SET writes value and expiry together, so that no failure leaves a lease without an expiry.
-- The token is above the counter, above the floor that the candidate knows, and above the clock in
-- microseconds: it grows even if the server has lost the counter.
local value = redis.call('GET', KEYS[1])
if value then
  return {0, value, redis.call('PTTL', KEYS[1])}
end
local time = redis.call('TIME')
local counted = tonumber(redis.call('GET', KEYS[2]) or 0) or 0
local token = math.max(counted + 1, ARGV[3] + 1, time[1] * 1000000 + time[2])
if token > 9007199254740991 then
  return redis.error_reply('DSYNCTOKEN the fencing token ' .. string.format('%.0f', token) .. ' is above 2^53')
end
token = string.format('%.0f', token)
value = token .. ' ' .. ARGV[2] .. ' ' .. ARGV[1]
redis.call('SET', KEYS[2], token, 'PX', ARGV[4])
redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
return {1, value, tonumber(ARGV[2])}
