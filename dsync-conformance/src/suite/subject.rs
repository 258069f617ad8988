//! What a suite has tested.

use dsync::driver::Capabilities;

use crate::Harness;
use crate::report::Equipment;

/// What was tested.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub(super) capabilities: Capabilities,
    pub(super) server: Option<String>,
    pub(super) equipment: Equipment,
}

impl Subject {
    pub(super) fn new(capabilities: &Capabilities, harness: &dyn Harness) -> Self {
        Self {
            capabilities: capabilities.clone(),
            server: harness.server(),
            equipment: Equipment::of(harness),
        }
    }
}
