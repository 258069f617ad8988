//! Every rule, once: the names of tests, the documentation and the reports come from here.

mod driver;
mod exclusion;
mod fencing;
mod guarantees;
mod hygiene;
mod liveness;
mod locks;
mod need;
mod rule;
mod verdict;

pub use self::guarantees::{PREAMBLE, guarantees};
pub use self::need::Need;
pub use self::rule::{Kind, Rule, Section};
pub(crate) use self::verdict::Outcome;
pub use self::verdict::Verdict;

/// The version of the rules: it grows when a rule is added or changed.
pub const VERSION: u32 = 1;

/// The sections in order.
pub const SECTIONS: &[Section] = &[
    driver::SECTION,
    exclusion::SECTION,
    fencing::SECTION,
    liveness::SECTION,
    locks::SECTION,
    hygiene::SECTION,
];

/// All rules in the order of their ids.
pub const RULES: &[Rule] = &ALL;

const ALL: [Rule; count()] = all();

const fn count() -> usize {
    let (mut section, mut count) = (0, 0);
    while section < SECTIONS.len() {
        count += SECTIONS[section].rules.len();
        section += 1;
    }
    count
}

const fn all() -> [Rule; count()] {
    let mut all = [driver::SECTION.rules[0]; count()];
    let (mut section, mut next) = (0, 0);
    while section < SECTIONS.len() {
        let mut index = 0;
        while index < SECTIONS[section].rules.len() {
            all[next] = SECTIONS[section].rules[index];
            next += 1;
            index += 1;
        }
        section += 1;
    }
    all
}

/// The rule with this id, such as `"2.02"`.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests;
