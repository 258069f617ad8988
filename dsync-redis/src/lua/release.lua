-- Releases the lease if the holder still has it, and notifies the followers.
-- KEYS: record. ARGV: holder, channel.
-- PUBLISH comes first: the message is delivered when the script ends, and if the user lacks the right,
-- nothing has been written.
local value = redis.call('GET', KEYS[1])
if not value or string.match(value, '^%d+ %d+ (.*)$') ~= ARGV[1] then
  return {0, false, -2}
end
redis.call('PUBLISH', ARGV[2], '')
redis.call('DEL', KEYS[1])
return {1, false, -2}
