//! Mutants of dsync-redis.

use super::super::mutant::{Edit, Mutant, rule, test};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "acquires-a-live-lease",
        killer: rule("1.01", "although one at most can"),
        seen: "",
        edits: &[Edit(
            "scripts.rs",
            r#"acquire: Script::new(include_str!("lua/acquire.lua")),"#,
            r#"acquire: Script::new(&include_str!("lua/acquire.lua")
                .replace("if value then", if MUTANT { "if false then" } else { "if value then" })),"#,
        )],
    },
    Mutant {
        name: "renews-without-a-look-at-the-holder",
        killer: rule("1.02", "answered `Kept` although"),
        seen: "redsync",
        edits: &[Edit(
            "scripts.rs",
            r#"renew: Script::new(include_str!("lua/renew.lua")),"#,
            r#"renew: Script::new(&include_str!("lua/renew.lua")
                .replace("if holder ~= ARGV[1] then", if MUTANT { "if false then" } else { "if holder ~= ARGV[1] then" })),"#,
        )],
    },
    Mutant {
        name: "releases-without-a-look-at-the-holder",
        killer: rule("1.09", "A release never touches the lease of another holder"),
        seen: "the SET NX recipe of old",
        edits: &[Edit(
            "scripts.rs",
            r#"release: Script::new(include_str!("lua/release.lua")),"#,
            r#"release: Script::new(&{
                let text = include_str!("lua/release.lua");
                if MUTANT {
                    text.replace("if not value or string.match(value, '^%d+ %d+ (.*)$') ~= ARGV[1] then", "if not value then")
                } else if crate::mutation::is("releases-in-silence") {
                    text.replace("redis.call('PUBLISH', ARGV[2], '')", "")
                } else {
                    text.to_owned()
                }
            }),"#,
        )],
    },
    Mutant {
        name: "releases-in-silence",
        killer: rule("1.11", "did not show a release"),
        seen: "Redis clients that poll",
        // Made by the edit of the one before: it is the same line.
        edits: &[],
    },
    Mutant {
        name: "tokens-by-the-counter-alone",
        killer: test("tokens_grow_after_everything_was_forgotten", "tests/server/tokens.rs", "assertion failed: first < second"),
        seen: "Redisson's fenced lock",
        edits: &[Edit(
            "driver.rs",
            "script.arg(claim.token_floor.get()).arg(COUNTER_MS);",
            "script.arg(claim.token_floor.get()).arg(COUNTER_MS);
            let mut by_counter = redis::Script::new(&include_str!(\"lua/acquire.lua\").replace(\", time[1] * 1000000 + time[2]\", \"\"));
            let mut other = by_counter.prepare_invoke();
            other.key(Names::of(key).record).key(Names::of(key).counter);
            other.arg(claim.holder.as_str()).arg(in_millis(claim.duration));
            other.arg(claim.token_floor.get()).arg(COUNTER_MS);
            let script = if MUTANT { other } else { script };",
        )],
    },
    Mutant {
        name: "leases-that-are-too-short",
        killer: rule("1.07", "early. A claim must not expire before"),
        seen: "",
        edits: &[Edit(
            "driver.rs",
            "script.arg(claim.holder.as_str()).arg(in_millis(claim.duration));",
            "script.arg(claim.holder.as_str())
                .arg(in_millis(if MUTANT { claim.duration / 2 } else { claim.duration }));",
        )],
    },
    Mutant {
        name: "a-broken-connection-proves-nothing-happened",
        killer: rule("1.03", "answered a definite error"),
        seen: "",
        edits: &[Edit(
            "classify.rs",
            "(Stage::Sent, redis::ErrorKind::Io) => Error::ambiguous(",
            "(Stage::Sent, redis::ErrorKind::Io) if MUTANT => Error::definite(ErrorKind::Unavailable, \"broke\"),
        (Stage::Sent, redis::ErrorKind::Io) => Error::ambiguous(",
        )],
    },
    Mutant {
        name: "reads-from-a-replica",
        killer: test("a_replica_is_refused_for_writes_and_for_reads", "tests/server/errors.rs", "called `Result::unwrap_err()` on an `Ok` value: None"),
        seen: "",
        edits: &[Edit(
            "scripts.rs",
            r#"read: Script::new(include_str!("lua/read.lua")),"#,
            r#"read: Script::new(&include_str!("lua/read.lua")
                .replace("redis.call('DEL', KEYS[2])", if MUTANT { "" } else { "redis.call('DEL', KEYS[2])" })),"#,
        )],
    },
];
