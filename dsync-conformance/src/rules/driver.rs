use super::need::Need;
use super::rule::{Kind, Rule, Section};

/// What a driver has to do, without the core.
pub(super) const SECTION: Section = Section {
    number: 1,
    title: "The driver contract",
    about: "What the five verbs of a driver do at the store, called directly, without elections \
            and locks on top.",
    rules: &[
        Rule::required(
            "1.01",
            "one_of_many_acquires_wins",
            "Of any number of concurrent `acquire` calls for a key that is free, exactly one is \
             answered with `Won` and is in the store; every other is answered with `Held` or with \
             an error that is classified correctly (1.03), and changes nothing.",
        ),
        Rule::required(
            "1.02",
            "stale_version_never_applies",
            "`acquire`, `renew` and `release` at a version that the record does not have any more \
             are never applied. They are answered with `Held`, `Lost`, `NotHeld` or `Conflict`, \
             neither as a success nor as an error.",
        ),
        Rule::required(
            "1.03",
            "definite_means_not_applied",
            "A write that fails with a definite error has not been applied and never will be. \
             Every other error is ambiguous: a driver that cannot prove that a write was not \
             applied says so.",
        ),
        Rule::required(
            "1.04",
            "ambiguous_write_is_found_by_its_nonce",
            "A write that was applied although its caller got an ambiguous error is visible to a \
             later read, with the nonce of that very attempt. A write that is applied late still \
             carries its own nonce.",
        ),
        Rule::required(
            "1.05",
            "version_changes_with_every_acquisition",
            "No two acquisitions of a key have the same version, also when the record was deleted \
             and created again between them. On a store with `Expiry::Observer` the version and \
             the pulse also change with every renewal, and the pulse changes with nothing but \
             acquisitions, renewals and releases: not when a label is edited.",
        ),
        Rule::required(
            "1.06",
            "read_sees_acknowledged_writes",
            "A read that is sent after a write was acknowledged, to any caller, shows that write or \
             something newer.",
        ),
        Rule::required(
            "1.07",
            "lease_never_expires_early",
            "No other candidate can take a lease before its duration has passed since its holder called \
             `acquire` or, for a renewed lease, the last `renew` that succeeded. On a store with \
             `Expiry::Observer`, where candidates measure the time, it is judged of the core over \
             the driver. Not judged for terms that a record loss hits.",
        ),
        Rule::required(
            "1.08",
            "lease_expires_in_time",
            "A lease that is not renewed can be taken by another candidate within its duration plus the \
             declared `max_expiry_lag`, counted from the end of the last call that granted or \
             renewed it.",
        ),
        Rule::required(
            "1.09",
            "release_by_another_changes_nothing",
            "A `release` by any caller but the present holder, including an earlier holder and an \
             earlier nonce of the same instance, changes nothing in the store and is answered \
             with `NotHeld` or `Conflict`.",
        ),
        Rule::required(
            "1.10",
            "dropped_future_leaves_an_allowed_state",
            "The future of a verb may be dropped at any await. What it leaves in the store is what \
             an ambiguous error allows: the write as a whole, with its nonce, or nothing; at once \
             or later. The driver goes on working.",
        ),
        Rule::required(
            "1.11",
            "watch_shows_the_last_state",
            "A watch may lag, repeat itself and leave out states that did not last, but it comes \
             to show the last one, as far as `Capabilities::watch` promises: each release, or each \
             change. A watch that breaks either ends, or shows by itself what it has missed.",
        )
        .of_kind(Kind::Capability)
        .needing(Need::Watch),
        Rule::required(
            "1.12",
            "deleted_record_reads_as_free",
            "A record that an operator deleted reads as no record, can be acquired again, and is \
             lost for its former holder: `renew` answers `Lost` and `release` answers `NotHeld`. \
             None of them fails, however often it is called.",
        )
        .needing(Need::Operator),
        Rule::required(
            "1.13",
            "no_request_after_drop",
            "After `close` has returned, and after the driver and its watches were dropped, it \
             sends nothing more: no lease is renewed, granted or revoked in the background.",
        ),
        Rule::required(
            "1.14",
            "every_legal_name_is_a_key_of_its_own",
            "Every name that `Resource` allows works, the longest included, for elections and for \
             locks; and no two resources that differ in kind, namespace, scope or name share a \
             record.",
        ),
    ],
};
