//! The rules as a document.

use super::{Kind, RULES, Rule, SECTIONS, Section, VERSION};

/// What the words in the rules mean.
pub const PREAMBLE: &str = "\
A *term* is one unbroken period in which a candidate holds a key: an election, or a lock. All
instants are on one clock, that of the run.

| word | meaning |
|---|---|
| granted_at | When the acquisition of the term was applied at the store. In virtual time it is known exactly. On a real server it lies between the sending of the request and its answer; there, only what is a violation wherever it lies counts as one, and the rest is counted and shown. |
| elected_at | When user code learned that the term had begun. |
| cancelled_at | When user code could see that the term is over: its token was cancelled. |
| stopped_at | When the last body of the term had returned or had been dropped, and not before cancelled_at. A *body* is a future that dsync runs: `when_elected`, `lead`, `Term::run`, `LockGuard::run`. |
| s | When the last successful write of the term was *sent*: its acquisition or a renewal. Nothing else moves it. |
| valid_until | The earlier of s + renew_deadline on the clock of the term's node, and cancelled_at. |
| hard deadline | s + the lease duration - a margin for clocks that drift. What dsync runs for the term is dropped by then. |
| next | Of two terms of one key, the one that is granted later, with none between them. |
| paused | A node counts as paused for a term if it was paused or suspended, or if a body blocked its thread because the schedule said so, at some time between the sending of the term's last successful write and the grant of the next term. |
| record loss | A fault class of its own: a record deleted, emptied or overwritten by an operator, a store flushed or restarted without its memory, a fail-over or a restored backup that loses writes, a jump of the store's clock. It hits the term that the record belonged to. No driver can keep exclusion over a record that its store forgot. For the terms that it hits, 1.07, 2.02, 2.03 and 5.01 are not judged; 2.01, 2.04, 2.05, 2.06, 2.08 and 2.09 are; section 3 is, as far as the driver declares that tokens survive. Reports say how many terms that were. |
| precision | How much later than its bound user code may learn of something: 5 ms in virtual time, 400 ms in real time. It is never granted to exclusion. |
";

const KINDS: &str = "\
| kind | |
|---|---|
| required | Every driver keeps it. |
| capability | Every driver that declares the capability keeps it; for others it is skipped, and the report is `partial` where the capability is one of the core profile. |
| stochastic | It is measured and shown, not judged. |
| untestable | It cannot be tested. It is listed here and in every report, with the reason. |
";

/// All rules as Markdown: the content of `GUARANTEES.md`.
#[must_use]
pub fn guarantees() -> String {
    let of = |kind: Kind| RULES.iter().filter(|rule| rule.kind == kind).count();
    let mut parts = vec![
        "<!-- Generated from src/rules.rs by `cargo xtask conformance --write-docs`. -->\n\n\
         # What dsync guarantees\n"
            .to_owned(),
        format!(
            "Version {VERSION} of the rules: {} rules, {} required, {} by capability, {} \
             stochastic, {} untestable.\nThe id of a rule never changes its meaning. Its test is \
             named after its kind, its id and its name, such as\n`{}`.\n",
            RULES.len(),
            of(Kind::Required),
            of(Kind::Capability),
            of(Kind::Stochastic),
            of(Kind::Untestable),
            super::rule("2.02").map(Rule::test_name).unwrap_or_default(),
        ),
        KINDS.to_owned(),
        "## Words\n".to_owned(),
        PREAMBLE.to_owned(),
    ];
    for Section { number, title, about, rules } in SECTIONS {
        parts.push(format!("## {number} {title}\n\n{about}\n"));
        parts.extend(rules.iter().map(paragraphs));
    }
    parts.join("\n")
}

fn paragraphs(rule: &Rule) -> String {
    let Rule { id, kind, name, text, needs, untestable } = rule;
    let needs = needs.map(|need| format!("\nNeeds {}.\n", need.phrase())).unwrap_or_default();
    let reason = untestable.map(|why| format!("\nUntestable: {why}.\n")).unwrap_or_default();
    format!("### {id} `{name}` ({})\n\n{text}\n{needs}{reason}", kind.word())
}
