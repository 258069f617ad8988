-- Extends the lease if the holder still has it. Never creates it again.
-- KEYS: record, counter. ARGV: holder, duration in ms, expiry of the counter in ms.
local value = redis.call('GET', KEYS[1])
if not value then
  return {0, false, -2}
end
local token, duration, holder = string.match(value, '^(%d+) (%d+) (.*)$')
if holder ~= ARGV[1] then
  return {0, value, redis.call('PTTL', KEYS[1])}
end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
if duration == ARGV[2] then
  -- Not a SET: a server that is out of memory refuses it, and the leader would lose its lease.
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
else
  value = token .. ' ' .. ARGV[2] .. ' ' .. holder
  redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
end
return {1, value, tonumber(ARGV[2])}
