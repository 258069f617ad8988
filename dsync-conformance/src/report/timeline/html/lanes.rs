//! What is in the lanes.

mod candidate;
mod faults;
mod store;

use super::layout::{Lane, LaneKind};
use super::svg::Svg;
use crate::report::timeline::model::Model;

pub(super) fn draw(model: &Model<'_>, lane: &Lane, svg: &mut Svg<'_>) {
    match lane.kind {
        LaneKind::Group(_) => {}
        LaneKind::Store(key) => store::draw(model, key, lane.y, svg),
        LaneKind::Candidate { key, node } => {
            candidate::draw(model, (key, node), (lane.y, lane.height), svg);
        }
        LaneKind::Faults(node) => faults::draw(model, node, (lane.y, lane.height), svg),
    }
}
