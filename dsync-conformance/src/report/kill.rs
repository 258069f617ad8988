use serde::{Deserialize, Serialize};

/// The part that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Broken {
    /// The core.
    Core,
    /// A driver.
    Driver,
}

/// A core or driver that is broken on purpose, and whether the suite found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// Its name.
    pub name: String,
    /// Which part is broken.
    pub broken: Broken,
    /// A project or issue where this mistake was made, if one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// The rule that must find it.
    pub rule: String,
    /// The rule that found it; `None`: none did.
    pub caught_by: Option<String>,
    /// The message of that rule.
    pub message: String,
    /// How many schedules each seed needed; `null`: more than were allowed. Empty: the test of the
    /// rule was run, without random schedules.
    pub schedules: Vec<Option<u64>>,
    /// The median of `schedules`, where a survivor counts as more than any. Computed from them.
    #[serde(default)]
    pub median: Option<u64>,
}

impl Kill {
    /// Returns whether the rule that must find it did, from every seed.
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.caught_by.as_ref() == Some(&self.rule) && self.schedules.iter().all(Option::is_some)
    }

    /// Describes how it survived, for people.
    pub(super) fn survival(&self) -> String {
        let Self { name, rule, schedules, .. } = self;
        let missed = schedules.iter().filter(|needed| needed.is_none()).count();
        let how = match &self.caught_by {
            None => "no rule finds it".to_owned(),
            Some(other) if other != rule => format!("{other} finds it instead"),
            Some(_) => format!("{missed} of {} seeds do not find it", schedules.len()),
        };
        format!("self-test: {name} survives, which {rule} must find: {how}")
    }

    pub(super) fn settle(&mut self) {
        let mut needed = self.schedules.clone();
        needed.sort_unstable_by_key(|needed| needed.unwrap_or(u64::MAX));
        self.median = needed.get(needed.len() / 2).copied().flatten();
    }
}
