use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::driver::Key;
use crate::env::Instant;
use crate::tenure::Memory;

/// The number of keys that are remembered. The oldest is forgotten first.
const MOST: usize = 4096;

/// What ended tenures knew of their keys.
///
/// Since when a holder has not renewed, so that a series of `try_lock` calls sees a dead one
/// expire; and the attempts without an answer, which may still be applied.
#[derive(Debug, Default)]
pub(crate) struct Memories(Mutex<BTreeMap<Key, (Instant, Memory)>>);

impl Memories {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, (Instant, Memory)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known of `key`. The attempts are moved out: if two tenures had the same
    /// attempt, both could adopt its record, and there would be two terms with one token.
    pub(crate) fn take(&self, key: &Key) -> Memory {
        let mut memories = self.lock();
        let Some((_, memory)) = memories.get_mut(key) else { return Memory::default() };
        Memory { attempts: std::mem::take(&mut memory.attempts), ..memory.clone() }
    }

    /// Saves what a tenure of `key` knew at its end.
    pub(crate) fn put(&self, key: Key, mut memory: Memory, now: Instant) {
        if memory.sighting.is_none() && memory.attempts.is_empty() {
            return;
        }
        let mut memories = self.lock();
        if let Some((_, other)) = memories.remove(&key) {
            // Two tenures of the key ran at the same time, so their knowledge is merged.
            memory.attempts.extend(other.attempts);
            memory.token_floor = memory.token_floor.max(other.token_floor);
            memory.sighting = match memory.sighting {
                Some(newer) => Some(newer.merge(other.sighting)),
                None => other.sighting,
            };
        } else if memories.len() >= MOST {
            let oldest = memories.iter().min_by_key(|(_, (at, _))| *at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                memories.remove(&oldest);
            }
        }
        memories.insert(key, (now, memory));
    }
}
