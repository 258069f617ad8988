//! When the server has lost records, for the histories of all that ran on it meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::history::{At, Entry, Event, FAILED_OVER, History};
use crate::process::candidate;
use crate::tasks;

/// All record losses of a run, each as an interval from just before it to just after it.
#[derive(Debug, Default)]
pub(super) struct Losses(Mutex<Vec<(Moment, Option<Moment>)>>);

/// The same moment on both clocks on which histories are written.
#[derive(Clone, Copy, Debug)]
struct Moment {
    of_clusters: Instant,
    of_processes: Duration,
}

impl Moment {
    fn now() -> Self {
        Self { of_clusters: tasks::now(), of_processes: candidate::now() }
    }
}

impl Losses {
    /// From now on, what was acknowledged may be lost.
    pub(super) fn begin(&self) {
        self.lock().push((Moment::now(), None));
    }

    /// What is acknowledged from now on is not lost any more.
    pub(super) fn end(&self) {
        if let Some((_, to)) = self.lock().last_mut() {
            *to = Some(Moment::now());
        }
    }

    /// Writes them down in the history of a cluster that began at `epoch`.
    pub(super) fn of_cluster(&self, history: &mut History, epoch: Instant) {
        self.write(history, |moment| moment.of_clusters.checked_duration_since(epoch));
    }

    /// The same for candidates in processes of their own.
    pub(super) fn of_processes(&self, history: &mut History, epoch: Duration) {
        self.write(history, |moment| moment.of_processes.checked_sub(epoch));
    }

    /// `at` returns `None` for an instant before the history.
    fn write(&self, history: &mut History, at: impl Fn(Moment) -> Option<At>) {
        for (from, to) in self.lock().iter() {
            let to = to.map_or(Some(history.ended_at), &at);
            let (Some(to), from) = (to, at(*from).unwrap_or_default()) else { continue };
            if from > history.ended_at {
                continue;
            }
            let lost = Event::RecordLoss { key: None, kind: FAILED_OVER };
            let entries = [(from, lost), (to, Event::Took { kind: FAILED_OVER })];
            history.entries.extend(entries.map(|(at, event)| Entry { at, node: None, event }));
        }
        history.entries.sort_by_key(|entry| entry.at);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Moment, Option<Moment>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_overlaps_a_history_is_written_down() {
        let start = tasks::now();
        let at = |seconds| Moment {
            of_clusters: start + Duration::from_secs(seconds),
            of_processes: Duration::from_secs(seconds),
        };
        let losses =
            vec![(at(1), Some(at(2))), (at(9), Some(at(11))), (at(30), None), (at(80), None)];
        let losses = Losses(Mutex::new(losses));
        let found = |write: &dyn Fn(&mut History)| {
            let mut history = History { ended_at: Duration::from_secs(60), ..History::default() };
            write(&mut history);
            let bounds = history.losses().into_iter().map(|loss| {
                assert_eq!(loss.key, None);
                (loss.from.as_secs(), loss.to.as_secs())
            });
            bounds.collect::<Vec<_>>()
        };
        // The history begins in the midst of the second one, and ends in that of the third.
        let epoch = start + Duration::from_secs(10);
        assert_eq!(found(&|history| losses.of_cluster(history, epoch)), [(0, 1), (20, 60)]);
        let epoch = Duration::from_secs(10);
        assert_eq!(found(&|history| losses.of_processes(history, epoch)), [(0, 1), (20, 60)]);
    }
}
