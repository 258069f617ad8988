//! What was demanded after the last fault.

use super::wording::at;
use crate::check::violation::Violation;
use crate::history::{Event, History};

/// 4.01, 4.02, 4.03, 5.05, 6.01, 6.02 and 6.03, as the cluster demanded them; and that no task died.
pub(super) fn demands(history: &History, found: &mut Vec<Violation>) {
    for demand in history.demands.iter().filter(|demand| demand.took.is_none()) {
        let by = demand.node.and_then(|node| history.nodes.get(node));
        let by = by.map_or_else(String::new, |node| format!(" on {}", node.name));
        found.push(Violation {
            rule: demand.rule,
            message: format!(
                "not within {} from {} on{by}: {}",
                at(demand.bound),
                at(demand.from),
                demand.what
            ),
            nodes: demand.node.into_iter().collect(),
            terms: Vec::new(),
            at: demand.from + demand.bound,
        });
    }
    for entry in &history.entries {
        if let Event::TaskPanicked = entry.event {
            found.push(Violation {
                rule: "6.01",
                message: format!("a task panicked at {}", at(entry.at)),
                nodes: entry.node.into_iter().collect(),
                terms: Vec::new(),
                at: entry.at,
            });
        }
    }
}
