//! The mutants, by crate.

mod core;
mod etcd;
mod redis;

use super::mutant::Mutant;

/// A crate of the workspace that has mutants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutated {
    pub(crate) package: &'static str,
    pub(crate) mutants: &'static [Mutant],
    /// The file that lists them, beside this one.
    pub(crate) list: &'static str,
}

pub(crate) const CORE: Mutated =
    Mutated { package: "dsync", mutants: core::MUTANTS, list: "core.rs" };

/// The drivers of real servers. Drivers that are broken in memory are part of the suite.
pub(crate) const DRIVERS: &[Mutated] = &[
    Mutated { package: "dsync-redis", mutants: redis::MUTANTS, list: "redis.rs" },
    Mutated { package: "dsync-etcd", mutants: etcd::MUTANTS, list: "etcd.rs" },
];

pub(crate) fn all() -> impl Iterator<Item = &'static Mutated> {
    std::iter::once(&CORE).chain(DRIVERS)
}

impl Mutated {
    /// The value of `DSYNC_MUTANT` that chooses `mutant`.
    pub(crate) fn choice(&self, mutant: &Mutant) -> String {
        format!("{}/{}", self.package, mutant.name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::mutant::Killer;
    use super::*;

    /// What the suite says of a store that cannot be tested, whatever the rule.
    const OF_ANY_RULE: &[&str] = &[
        "cannot connect: ",
        "panicked: called `Result::unwrap()` on an `Err` value",
        "not done after 300s: something hangs",
        "acquire of default/x did not answer in 10s",
        "renew of default/x did not answer in 10s",
        "release of default/x did not answer in 10s",
        "read of default/x did not answer in 10s",
        "answered an error although nothing is wrong with the store: ",
        "What others do is a value, never an error (Driver: Contract)",
        "no tokio runtime",
        "no proxy: ",
        "no Redis to test on",
        "no etcd to test on",
    ];

    #[test]
    fn every_mutant_has_a_name_of_its_own() {
        for of in all() {
            let names: BTreeSet<_> = of.mutants.iter().map(|mutant| mutant.name).collect();
            assert_eq!(names.len(), of.mutants.len(), "{}", of.package);
            for name in names {
                let plain = |c: char| c.is_ascii_lowercase() || c == '-';
                assert!(name.chars().all(plain), "{name} is no name of a file");
            }
        }
    }

    #[test]
    fn no_mutant_is_killed_by_what_is_said_of_any_rule() {
        for mutant in all().flat_map(|of| of.mutants) {
            let (Killer::Rule { says, .. } | Killer::Test { says, .. }) = mutant.killer;
            assert!(says.len() >= 10, "{}: {says:?} may be part of any message", mutant.name);
            for other in OF_ANY_RULE {
                assert!(!other.contains(says), "{}: {says:?} is in {other:?}", mutant.name);
            }
        }
    }
}
