-- The record as it is now.
-- KEYS: record, and a key that never exists.
-- Deleting what is not there is a write that changes nothing: a replica, which may be behind, refuses it.
redis.call('DEL', KEYS[2])
local value = redis.call('GET', KEYS[1])
if not value then
  return {0, false, -2}
end
return {0, value, redis.call('PTTL', KEYS[1])}
