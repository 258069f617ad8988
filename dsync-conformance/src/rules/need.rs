use serde::{Deserialize, Serialize};

/// What the test of a rule needs of the driver, which declares it in its
/// [`Capabilities`](dsync::driver::Capabilities), or of the [`Harness`](crate::Harness).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// The driver declares a watch: of releases or of every change.
    Watch,
    /// The core's bound on the rates of clocks. Nothing has to be declared: the default is 1 %.
    ClockRate,
    /// The driver declares that fencing tokens survive the deletion of a record.
    TokenSurvivesDelete,
    /// The driver declares that fencing tokens survive a restart of the store.
    TokenSurvivesRestart,
    /// The driver declares that fencing tokens survive the loss of acknowledged writes.
    TokenSurvivesLoss,
    /// The harness has an [`Operator`](crate::harness::Operator), who edits records.
    Operator,
    /// The harness has a [`ServerControl`](crate::harness::ServerControl), which stops the server.
    ServerControl,
}

impl Need {
    /// For people: what is needed, so that "needs …" can be said before it.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Watch => "a watch (`Capabilities::watch`)",
            Self::ClockRate => "the bound on the rates of clocks (1 % by default)",
            Self::TokenSurvivesDelete => {
                "tokens that survive deletion (`Capabilities::token_survives_delete`)"
            }
            Self::TokenSurvivesRestart => {
                "tokens that survive a restart (`Capabilities::token_survives_restart`)"
            }
            Self::TokenSurvivesLoss => {
                "tokens that survive lost writes (`Capabilities::token_survives_loss`)"
            }
            Self::Operator => "an operator, which edits records (`Harness::operator`)",
            Self::ServerControl => "control over the server (`Harness::server_control`)",
        }
    }

    /// Whether the harness has to bring it. Else the driver declares it.
    #[must_use]
    pub fn is_of_the_harness(self) -> bool {
        matches!(self, Self::Operator | Self::ServerControl)
    }
}
