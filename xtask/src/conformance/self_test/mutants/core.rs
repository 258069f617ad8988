//! Mutants of the core.

use super::super::mutant::{Edit, Mutant, rule};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "deadline-from-the-answer",
        killer: rule("2.04", "after its last successful write was sent"),
        seen: "",
        edits: &[
            Edit(
                "tenure/held.rs",
                "self.sent = sent;",
                "self.sent = if MUTANT { ctx.now } else { sent };",
            ),
            Edit(
                "tenure/follow.rs",
                "let Attempt { holder, sent, duration, spent, .. } = attempt;",
                "let Attempt { holder, sent, duration, spent, .. } = attempt;
                let sent = if MUTANT { ctx.now } else { sent };",
            ),
        ],
    },
    Mutant {
        name: "release-before-cancel",
        killer: rule("2.07", "it was still active"),
        seen: "",
        edits: &[
            Edit(
                "tenure.rs",
                "self.phase = Phase::Draining(Draining::begin(&mut self.ctx, held, cause));",
                "if MUTANT && !matches!(cause, EndCause::Deadline | EndCause::Lost) {
                    self.phase =
                        Phase::Releasing(Releasing::after_term(&self.ctx, &held, cause));
                    return;
                }
                self.phase = Phase::Draining(Draining::begin(&mut self.ctx, held, cause));",
            ),
            Edit(
                "tenure/follow.rs",
                "ctx.act(Action::Settle(settled));",
                "if MUTANT { ctx.act(Action::Cancel(cause)); }
                ctx.act(Action::Settle(settled));",
            ),
        ],
    },
    Mutant {
        name: "release-while-work-runs",
        killer: rule("2.07", "of its bodies still ran"),
        seen: "cilium#42920",
        edits: &[Edit(
            "keeper.rs",
            "BodiesStatus::Running { look_at } => self.look_at = look_at,",
            "BodiesStatus::Running { look_at } if !MUTANT => self.look_at = look_at,
            BodiesStatus::Running { .. } => {
                self.term = None;
                events.push_back(Event::BodiesStopped { overran: false });
            }",
        )],
    },
    Mutant {
        name: "never-cancel",
        killer: rule("2.04", "never heard of it"),
        seen: "kubernetes#23731",
        edits: &[Edit(
            "keeper.rs",
            "term.0.cancel(cause);",
            "if !MUTANT { term.0.cancel(cause); }",
        )],
    },
    Mutant {
        name: "flag-instead-of-clock",
        killer: rule("2.05", "was reported active"),
        seen: "client-go: leader after its loop has ended",
        edits: &[Edit(
            "term/clock.rs",
            "deadlines.over |= now >= deadlines.valid_until;\n        !deadlines.over",
            "deadlines.over |= now >= deadlines.valid_until && !MUTANT;\n        !deadlines.over",
        )],
    },
    Mutant {
        name: "one-nonce-for-all-attempts",
        killer: rule("2.04", "after its last successful write was sent"),
        seen: "",
        edits: &[Edit(
            "tenure/context.rs",
            "Nonce::new((self.random)())",
            "Nonce::new(if MUTANT { 7 } else { (self.random)() })",
        )],
    },
    Mutant {
        name: "failed-create-taken-as-conclusive",
        killer: rule("4.03", "an earlier attempt of its own"),
        seen: "",
        edits: &[Edit(
            "tenure/attempts.rs",
            ".is_none_or(|version| lease.is_some_and(",
            ".map_or(!MUTANT, |version| lease.is_some_and(",
        )],
    },
    Mutant {
        name: "nonce-adopted-after-its-release",
        killer: rule("3.01", "is not higher than"),
        seen: "",
        edits: &[Edit(
            "tenure/attempts.rs",
            "match self.0.iter_mut().find(|attempt| attempt.holder == *holder) {
            Some(attempt) => attempt.spent = true,
            None => self.remember(Attempt {
                holder: holder.clone(),
                sent,
                duration: Duration::ZERO,
                conditioned_on: None,
                spent: true,",
            "match self.0.iter_mut().find(|attempt| attempt.holder == *holder) {
            Some(attempt) => attempt.spent = !MUTANT,
            None => self.remember(Attempt {
                holder: holder.clone(),
                sent,
                duration: if MUTANT { Duration::MAX } else { Duration::ZERO },
                conditioned_on: None,
                spent: !MUTANT,",
        )],
    },
    Mutant {
        name: "expiry-by-the-version",
        killer: rule("4.01", "somebody is elected"),
        seen: "",
        edits: &[Edit(
            "tenure/view.rs",
            "if known.pulse == lease.pulse => {\n                *first_seen",
            "if (if MUTANT { known.version == lease.version } else { known.pulse == lease.pulse }) =>
            {\n                *first_seen",
        )],
    },
    Mutant {
        name: "a-read-moves-the-deadline",
        killer: rule("2.04", "after its last successful write was sent"),
        seen: "",
        edits: &[Edit(
            "tenure/held.rs",
            "// Another program edited the record.",
            "if MUTANT {
                self.sent = ctx.now;
                ctx.act(Action::Extend {
                    valid_until: ctx.now + ctx.plan.renew_deadline,
                    hard_deadline: ctx.now + ctx.plan.hard_deadline,
                });
            }
            // Another program edited the record.",
        )],
    },
    Mutant {
        name: "a-late-answer-revives",
        killer: rule("2.06", "was reported active"),
        seen: "kubernetes#44887",
        edits: &[
            Edit(
                "tenure/late_answer.rs",
                "{\n    draining.renewing",
                "{\n    draining.renewing || MUTANT",
            ),
            Edit(
                "term/clock.rs",
                "if deadlines.over {\n            return false;",
                "if MUTANT { deadlines.over = false; }
                if deadlines.over {\n            return false;",
            ),
        ],
    },
    Mutant {
        name: "a-hung-call-holds-up-the-end",
        killer: rule("2.04", "after its last successful write was sent"),
        seen: "kubernetes#124588",
        edits: &[
            Edit(
            "tenure.rs",
            "Phase::Leading(held) if ctx.now >= held.renew_deadline(&ctx.plan) => {",
            "Phase::Leading(held)
                if ctx.now >= held.renew_deadline(&ctx.plan)
                    && !(MUTANT && ctx.flight.is_some()) => {",
            ),
            Edit(
                "tenure.rs",
                "let timeout = self.ctx.plan.request_timeout.min(now.until(limit));",
                "let limit = if MUTANT { Instant::NEVER } else { limit };
                let timeout = self.ctx.plan.request_timeout.min(now.until(limit));",
            ),
        ],
    },
    Mutant {
        name: "a-hung-call-is-never-given-up",
        killer: rule("4.01", "somebody is elected"),
        seen: "kube: a client without a read timeout",
        edits: &[Edit(
            "keeper/call.rs",
            "let limit = services.env.sleep_until(started + call.timeout);",
            "let limit = services.env.sleep_until(
                if MUTANT { crate::env::Instant::NEVER } else { started + call.timeout },
            );",
        )],
    },
    Mutant {
        name: "stubborn-work-is-not-dropped",
        killer: rule("2.09", "was to be dropped by"),
        seen: "kyverno#14984",
        edits: &[
            Edit(
                "keeper.rs",
                "if let Some(term) = &self.term {\n                    term.0.close_all();",
                "if let Some(term) = self.term.as_ref().filter(|_| !MUTANT) {
                    term.0.close_all();",
            ),
            Edit(
                "term/guarded.rs",
                "if now >= hard || cancelled {",
                "if (now >= hard && !MUTANT) || cancelled {",
            ),
            Edit(
                "term/guarded.rs",
                "let late = env.now() >= this.term.clock.hard_deadline();",
                "let late = !MUTANT && env.now() >= this.term.clock.hard_deadline();",
            ),
        ],
    },
    Mutant {
        name: "a-win-that-comes-too-late-counts",
        killer: rule("2.06", "was reported active"),
        seen: "etcd#11456",
        edits: &[Edit(
            "tenure/follow.rs",
            "let in_time = late_answer::can_begin_a_term(ctx, sent, duration);",
            "let late = MUTANT && ctx.now >= sent + ctx.plan.renew_deadline;
            let sent = if late { ctx.now } else { sent };
            let in_time = late_answer::can_begin_a_term(ctx, sent, duration);",
        )],
    },
    Mutant {
        name: "campaigns-only-once",
        killer: rule("4.03", "the last candidate is elected"),
        seen: "the Go original",
        edits: &[Edit(
            "tenure/follow.rs",
            "(had_term && matches!(ctx.plan.mode, Mode::Wait | Mode::Try))",
            "(had_term && (MUTANT || matches!(ctx.plan.mode, Mode::Wait | Mode::Try)))",
        )],
    },
    Mutant {
        name: "gives-up-after-an-error",
        killer: rule("4.03", "the last candidate is elected"),
        seen: "kubert: the task ends after a few errors",
        edits: &[Edit(
            "tenure/follow.rs",
            "let hopeless = match error.kind() {",
            "let hopeless = match error.kind() {
            ErrorKind::Unauthenticated if MUTANT => true,",
        )],
    },
    Mutant {
        name: "sleeps-to-the-expiry",
        killer: rule("4.02", "the next is elected after a release"),
        seen: "kube-lease-manager, kubert",
        edits: &[Edit(
            "tenure/follow.rs",
            "// 1. A watch that lags",
            "if MUTANT && lease.as_ref().is_none_or(|lease| lease.holder.is_none()) { return; }
            // 1. A watch that lags",
        )],
    },
    Mutant {
        name: "takes-over-too-early",
        killer: rule("2.02", "had begun when"),
        seen: "kubernetes#67651",
        edits: &[Edit(
            "tenure/view.rs",
            "Expiry::Observer => first_seen + duration,",
            "Expiry::Observer => first_seen + if MUTANT { duration / 2 } else { duration },",
        )],
    },
    Mutant {
        name: "twice-the-lease",
        killer: rule("2.02", "had begun when"),
        seen: "",
        edits: &[Edit(
            "tenure/plan.rs",
            "renew_deadline: timing.renew_deadline(),
            hard_deadline: timing.hard_deadline(),",
            "renew_deadline: timing.renew_deadline() * if MUTANT { 3 } else { 1 },
            hard_deadline: timing.hard_deadline() * if MUTANT { 3 } else { 1 },",
        )],
    },
    Mutant {
        name: "a-lost-record-is-ignored",
        killer: rule("2.08", "the term went on"),
        seen: "",
        edits: &[Edit(
            "tenure/held.rs",
            "Ok(Renewed::Lost(record)) => Some(Lost(record)),",
            "Ok(Renewed::Lost(_)) if MUTANT => {
                self.renew_at = ctx.now + pauses.retry;
                None
            }
            Ok(Renewed::Lost(record)) => Some(Lost(record)),",
        )],
    },
    Mutant {
        name: "a-conflict-on-release-is-final",
        killer: rule("4.02", "the next is elected after a release"),
        seen: "client-go#1417, kubernetes#114132",
        edits: &[Edit(
            "tenure/release.rs",
            "Ok(Released::Conflict) => {",
            "Ok(Released::Conflict) if MUTANT => return Some(Settled::NotHeld),
            Ok(Released::Conflict) => {",
        )],
    },
    Mutant {
        name: "retries-without-a-pause",
        killer: rule("4.05", "within one lease duration"),
        seen: "",
        edits: &[Edit(
            "tenure/context.rs",
            "let retry = self.plan.retry_period;",
            "if MUTANT { return Duration::ZERO; }
            let retry = self.plan.retry_period;",
        )],
    },
    Mutant {
        name: "trouble-is-told-again-and-again",
        killer: rule("6.04", "reported the same trouble again"),
        seen: "",
        edits: &[Edit(
            "tenure/troubles.rs",
            "if state == self.reported {",
            "if state == self.reported && !MUTANT {",
        )],
    },
    Mutant {
        name: "an-unlocked-lock-is-kept",
        killer: rule("5.05", "everybody who waits for the lock gets it"),
        seen: "",
        edits: &[Edit(
            "lock/guard.rs",
            "let Some(handle) = self.handle.take() else { return Ok(()) };",
            "let Some(handle) = self.handle.take() else { return Ok(()) };
            if MUTANT {
                std::mem::forget(handle);
                return Ok(());
            }",
        )],
    },
    Mutant {
        name: "a-finished-campaign-leaves-its-task",
        killer: rule("6.01", "no task is left"),
        seen: "",
        edits: &[Edit(
            "keeper.rs",
            "while self.tenure.as_ref().is_some_and(|tenure| !tenure.is_done()) {",
            "while MUTANT || self.tenure.as_ref().is_some_and(|tenure| !tenure.is_done()) {",
        )],
    },
    Mutant {
        name: "tokens-cut-in-half",
        killer: rule("3.01", "is not higher than"),
        seen: "",
        edits: &[Edit(
            "tenure/follow.rs",
            "let token = lease.fencing_token;",
            "let token = crate::FencingToken::new(
                lease.fencing_token.get() / if MUTANT { 2 } else { 1 },
            );",
        )],
    },
    Mutant {
        name: "a-watch-that-broke-is-never-trusted-again",
        killer: rule("4.05", "in which nothing happened"),
        seen: "",
        edits: &[Edit(
            "tenure.rs",
            "Event::Heartbeat => self.heartbeat(),",
            "Event::Heartbeat => if !MUTANT { self.heartbeat() },",
        )],
    },
    Mutant {
        name: "conflicts-are-answered-without-a-pause",
        killer: rule("4.05", "within one lease duration"),
        seen: "",
        edits: &[Edit(
            "tenure/held.rs",
            "self.renew_at = if self.conflicts > AT_ONCE { ctx.now + retry } else { ctx.now };",
            "self.renew_at =
                if self.conflicts > AT_ONCE && !MUTANT { ctx.now + retry } else { ctx.now };",
        )],
    },
];
