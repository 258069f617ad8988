//! Which lanes a figure has, and where.

use crate::report::timeline::model::Model;

/// Above the first lane, for the time axis and the names of violations.
pub(super) const TOP: f64 = 40.0;
const GROUP: f64 = 24.0;
const STORE: f64 = 38.0;
const CANDIDATE: f64 = 52.0;
const FAULTS: f64 = 30.0;

/// One lane.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub(super) kind: LaneKind,
    pub(super) name: String,
    pub(super) y: f64,
    pub(super) height: f64,
}

/// What a lane shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneKind {
    /// The head of the lanes below.
    Group,
    /// A key, as the store sees it.
    Store(usize),
    /// A candidate of a key.
    Candidate { key: usize, node: usize },
    /// The faults of a node, or of the store.
    Faults(Option<usize>),
}

/// The lanes of a figure of these keys, from top to bottom, and its height.
pub(super) fn lanes(model: &Model<'_>, keys: &[usize]) -> (Vec<Lane>, f64) {
    let mut lanes = Vec::new();
    let mut y = TOP;
    let mut add = |kind, name, height| {
        lanes.push(Lane { kind, name, y, height });
        y += height;
    };
    let nodes = 0..model.history.nodes.len();
    for key in keys.iter().copied() {
        let what = if model.history.keys[key].is_lock { "lock" } else { "election" };
        let name = model.key(key);
        let head = if name == what { name } else { format!("{what} {name}") };
        add(LaneKind::Group, head, GROUP);
        add(LaneKind::Store(key), model.who(None), STORE);
        for node in nodes.clone() {
            add(LaneKind::Candidate { key, node }, model.node(node), CANDIDATE);
        }
    }
    if !model.faults.is_empty() {
        add(LaneKind::Group, "faults".to_owned(), GROUP);
        for node in std::iter::once(None).chain(nodes.map(Some)) {
            if model.faults.iter().any(|fault| fault.node == node) {
                add(LaneKind::Faults(node), model.who(node), FAULTS);
            }
        }
    }
    (lanes, y + 6.0)
}
