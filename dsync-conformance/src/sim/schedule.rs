//! A schedule: who does what and what goes wrong, at which virtual time.

mod action;
mod strategy;

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::action::{Action, KeyName, Way};
pub use self::strategy::{Shape, schedules};

/// Everything that happens in one run. The same schedule gives the same run, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// The version of this format: 1.
    pub format: u32,
    /// For people: the rule that it once violated, and how.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Nonces, jitter and latencies follow from it.
    pub seed: u64,
    /// What kind of store.
    pub store: Store,
    /// The lease duration in milliseconds; the other durations follow from it.
    pub lease_ms: u64,
    /// Every message takes up to this many milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// How long faults go on, in milliseconds; then progress is demanded.
    pub length_ms: u64,
    /// The nodes. Steps name one by its index.
    pub nodes: Vec<Node>,
    /// What happens, in the order of time.
    pub steps: Vec<Step>,
}

/// What kind of store the nodes meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Store {
    /// Records expire by themselves; watches show every change.
    Backend,
    /// Records stay until another candidate takes them over.
    Observer,
    /// Records expire by themselves; watches show releases only.
    Releases,
}

/// A node at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// What its clock reads at the start, in milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub clock_ms: u64,
    /// How much faster than that of the run its clock runs, in parts per million.
    #[serde(default, skip_serializing_if = "is_even")]
    pub drift_ppm: i64,
    /// What the work of its terms is like.
    #[serde(default, skip_serializing_if = "is_prompt")]
    pub work: Work,
}

/// What the work of a term is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// It ends as soon as its term does.
    #[default]
    Prompt,
    /// It takes no notice, and has to be dropped.
    Stubborn,
    /// It returns after a moment, and the term goes on.
    Brief,
    /// It runs under `Term::run`, within a stubborn body.
    Guarded,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When, in milliseconds of the run.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_even(value: &i64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_prompt(work: &Work) -> bool {
    *work == Work::Prompt
}

impl Schedule {
    /// The present version of the format.
    pub const FORMAT: u32 = 1;

    /// Reads a schedule from JSON.
    ///
    /// # Errors
    ///
    /// A text that names what is wrong and where.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let schedule: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        schedule.validate()?;
        Ok(schedule)
    }

    /// Reads a schedule from a file.
    ///
    /// # Errors
    ///
    /// A text that names the file, what is wrong and where.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::from_json(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// As JSON, one step a line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut head = json(&Self { steps: Vec::new(), nodes: Vec::new(), ..self.clone() });
        head.truncate(head.find(",\"nodes\"").unwrap_or(head.len()));
        let head = head.trim_start_matches('{').replace(",\"", ",\n  \"");
        let list = |lines: Vec<String>| {
            if lines.is_empty() {
                return "[]".to_owned();
            }
            format!("[\n    {}\n  ]", lines.join(",\n    "))
        };
        let nodes = list(self.nodes.iter().map(json).collect());
        let steps = list(self.steps.iter().map(json).collect());
        format!("{{\n  {head},\n  \"nodes\": {nodes},\n  \"steps\": {steps}\n}}\n")
    }

    /// Checks what JSON alone doesn't.
    ///
    /// # Errors
    ///
    /// A text that names the value and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        if self.format != Self::FORMAT {
            return Err(format!(
                "format is {}, and this program reads {}: it comes from another version",
                self.format,
                Self::FORMAT
            ));
        }
        if self.nodes.is_empty() || self.nodes.len() > 64 {
            return Err(format!("{} nodes, from 1 to 64 are possible", self.nodes.len()));
        }
        if !(600..=60_000).contains(&self.lease_ms) {
            return Err(format!("lease_ms is {}, from 600 to 60000 is possible", self.lease_ms));
        }
        if self.length_ms > 86_400_000 {
            return Err(format!("length_ms is {}, at most a day is possible", self.length_ms));
        }
        for (index, node) in self.nodes.iter().enumerate() {
            if node.drift_ppm.abs() > 100_000 {
                return Err(format!(
                    "nodes[{index}].drift_ppm is {}, at most 100000 (a tenth) is possible",
                    node.drift_ppm
                ));
            }
        }
        for (index, step) in self.steps.iter().enumerate() {
            if let Some(node) = step.action.node().filter(|node| *node >= self.nodes.len()) {
                return Err(format!(
                    "steps[{index}] names node {node}, there are {}",
                    self.nodes.len()
                ));
            }
            if step.at_ms > self.length_ms {
                return Err(format!(
                    "steps[{index}] is at {} ms, after the end at {} ms",
                    step.at_ms, self.length_ms
                ));
            }
        }
        Ok(())
    }
}

/// On one line.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
