use super::need::Need;
use super::rule::{Kind, Rule, Section};

/// Fencing tokens.
pub(super) const SECTION: Section = Section {
    number: 3,
    title: "Fencing",
    about: "What a resource may rely on that compares fencing tokens. Across a record loss, these \
            rules hold as far as the driver declares that tokens survive it.",
    rules: &[
        Rule::required(
            "3.01",
            "tokens_increase",
            "The fencing tokens of the terms of a key increase strictly, in the order in which the \
             terms are granted, as long as no record loss lies between them (then: 3.03 and 3.04).",
        ),
        Rule::required(
            "3.02",
            "token_is_constant_within_a_term",
            "A term has one fencing token from its beginning to its end; no renewal and no edit \
             changes it.",
        ),
        Rule::required(
            "3.03",
            "tokens_increase_across_deletion",
            "Fencing tokens go on increasing after an operator deleted the record.",
        )
        .of_kind(Kind::Capability)
        .needing(Need::TokenSurvivesDelete),
        Rule::required(
            "3.04",
            "tokens_increase_across_a_restart",
            "Fencing tokens go on increasing after a restart of the store.",
        )
        .of_kind(Kind::Capability)
        .needing(Need::TokenSurvivesRestart),
        Rule::required(
            "3.05",
            "guarded_register_accepts_no_older_token",
            "A register that compares tokens, and that once accepted a write with a token, never \
             accepts one of an older term afterwards. That holds under every fault without record \
             loss, pauses of any length included; with record loss, as far as the driver declares \
             that tokens survive it.",
        ),
    ],
};
