-- Gives the lease up if it is still the holder's, and tells those who wait.
-- KEYS: record. ARGV: holder, channel.
-- The message first: it is sent when the script is over, and where it is not allowed, nothing was written.
local value = redis.call('GET', KEYS[1])
if not value or string.match(value, '^%d+ %d+ (.*)$') ~= ARGV[1] then
  return {0, false, -2}
end
redis.call('PUBLISH', ARGV[2], '')
redis.call('DEL', KEYS[1])
return {1, false, -2}
