//! The faults that a schedule or a harness caused.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::history::{At, Event, History};

/// A fault that was caused.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) at: At,
    /// `None`: the fault hit the store.
    pub(super) node: Option<usize>,
    pub(super) kind: &'static str,
    pub(super) words: String,
    /// How long it lasts, where the fault says so.
    pub(super) lasts: Option<Duration>,
}

/// Every fault, in the order of time.
pub(super) fn faults(history: &History) -> Vec<Fault> {
    let faults = history.entries.iter().filter_map(|entry| {
        let Event::Fault { kind, text } = &entry.event else { return None };
        let lasts = fields(text).and_then(|fields| fields.get("for_ms")?.as_u64());
        Some(Fault {
            at: entry.at,
            node: entry.node,
            kind,
            words: words(kind, text),
            lasts: lasts.map(Duration::from_millis),
        })
    });
    faults.collect()
}

/// A fault in words. Its text is the step of a schedule as JSON, or else is shown as it is.
pub(super) fn words(kind: &str, text: &str) -> String {
    let Some(fields) = fields(text) else { return format!("{kind}: {text}") };
    let mut words = kind.replace('_', " ");
    for (name, value) in fields.iter().filter(|(name, _)| *name != "do" && *name != "node") {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let (name, unit) = name.strip_suffix("_ms").map_or((&**name, ""), |name| (name, " ms"));
        words += &format!(", {} {value}{unit}", name.replace('_', " "));
    }
    words
}

fn fields(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}
