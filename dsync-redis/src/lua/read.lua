-- Returns the current record.
-- KEYS: record, and a key that never exists.
-- Deleting a key that does not exist is a write without an effect. A replica, which may lag, refuses it.
redis.call('DEL', KEYS[2])
local value = redis.call('GET', KEYS[1])
if not value then
  return {0, false, -2}
end
return {0, value, redis.call('PTTL', KEYS[1])}
