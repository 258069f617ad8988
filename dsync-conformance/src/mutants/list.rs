//! Every broken driver: what is wrong with it, and the rule that must catch it.

use std::fmt;

use dsync_mock::MockDriver;

macro_rules! mutants {
    ($($(#[$doc:meta])* $mutant:ident, $store:ident, $rule:literal, $says:literal;)*) => {
        /// What is wrong with a driver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Mutant {
            $($(#[$doc])* $mutant,)*
        }

        impl Mutant {
            /// Every mutant.
            pub const ALL: &[Self] = &[$(Self::$mutant,)*];

            fn entry(self) -> Entry {
                match self {
                    $(Self::$mutant => Entry {
                        name: stringify!($mutant),
                        store: Store::$store,
                        rule: $rule,
                        says: $says,
                    },)*
                }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Backend,
    Observer,
}

struct Entry {
    name: &'static str,
    store: Store,
    rule: &'static str,
    says: &'static str,
}

mutants! {
    /// Reads, compares in the process, then writes without a condition.
    ReadsThenWrites, Backend, "1.01", "of 8 concurrent acquires of";
    /// Takes over a record without checking the version in the claim.
    IgnoresTakeOver, Observer, "1.02", "won although the record is at version";
    /// Takes a vacant record without checking the version in the claim.
    TakesVacantAtAnyVersion, Observer, "1.02", "although the record was released";
    /// Takes a record whose lease has not run out.
    TakesALiveRecord, Backend, "1.02", "acquire won although the record is held";
    /// Creates a record again when it is renewed after it was released or deleted.
    RenewRecreates, Backend, "1.02", "renew never re-creates a record";
    /// Renews any record.
    RenewsAnothers, Observer, "1.02", "only if it is still the caller's";
    /// Answers an error when another candidate holds the key.
    ContentionIsAnError, Backend, "1.02", "What others do is a value, never an error";
    /// Some writes are applied and answered with a definite error.
    DefiniteAlthoughApplied, Backend, "1.03", "answered a definite error";
    /// Answers a definite error whenever the connection breaks, also after the request was sent.
    EveryErrorIsDefinite, Backend, "1.03", "answered a definite error";
    /// Gives up on an answer, and takes a read that does not show the write for a proof that it
    /// never will be applied.
    ReadsToProveAFailure, Observer, "1.03", "answered a definite error";
    /// Stores the instance without the nonce, so that no attempt is ever found again.
    LosesTheNonce, Backend, "1.04", "must be stored as it was given";
    /// Counts versions within the record, so that they begin anew with it.
    VersionsRepeat, Backend, "1.05", "take one of the store";
    /// The version is that of the acquisition, also after a renewal.
    VersionStandsStill, Observer, "1.05", "for every renewal as well";
    /// The pulse is the holder, although observers need more.
    PulseStandsStill, Observer, "1.05", "a live holder is taken for dead";
    /// The pulse is the version, so that an edited label keeps a dead leader alive.
    PulseFollowsLabels, Observer, "1.05", "by an operator's edit";
    /// Reads show what they showed the last time.
    StaleReads, Backend, "1.06", "shows an older state";
    /// A lease is a tenth shorter than it should be.
    ExpiresEarly, Backend, "1.07", "early. A claim must not expire before";
    /// A renewal answers `Kept` and extends nothing.
    RenewsNothing, Backend, "1.07", "early. A claim must not expire before";
    /// A lease is twice as long as it should be.
    ExpiresLate, Backend, "1.08", "more than the bound of";
    /// Declares shorter leases than it can keep.
    DeclaresShortLeases, Backend, "1.08", "more than the bound of";
    /// The pulse changes by itself, so that no holder ever looks dead.
    PulseNeverRests, Observer, "1.05", "but a read right after it shows";
    /// A release frees the key without checking its holder (client-go).
    ReleasesAnothers, Observer, "1.09", "never touches the lease of another holder";
    /// A renewal deletes the record and writes it again.
    RenewsInTwoSteps, Backend, "1.10", "A dropped call is either applied or not";
    /// Answers come in the order of requests, also of those whose caller has gone.
    MixesUpAnswers, Backend, "1.10", "A call must never get the answer to another one";
    /// The watch does not show that the key is free.
    WatchDropsReleases, Observer, "1.11", "did not show a release";
    /// The second watch of a key shows how things are, and nothing after that.
    WatchNeverResyncs, Observer, "1.11", "after the watch was started again";
    /// Declares a watch and has none.
    DeclaresAWatch, Backend, "1.11", "said nothing in";
    /// Connections declare different capabilities.
    DeclaresThisAndThat, Backend, "1.11", "declare different things";
    /// A record that an operator deleted reads as an error.
    DeletedIsAnError, Backend, "1.12", "answers an error";
    /// Goes on renewing after it was dropped.
    GhostRenewals, Backend, "1.13", "is still being renewed";
    /// A task of a watch never ends.
    TasksOutliveIt, Backend, "1.13", "tasks that 4 drivers had started";
    /// Cuts names to what fits.
    TruncatesNames, Backend, "1.14", "shares a record with";
    /// Leaves the namespace out of the key.
    IgnoresNamespaces, Observer, "1.14", "shares a record with";
    /// Each connection counts tokens by itself.
    TokenPerConnection, Backend, "3.01", "let the store count";
    /// Each renewal raises the token that is shown.
    TokenGrowsOnRenewal, Observer, "3.02", "A renewal must not raise the token";
    /// The token begins anew with the record.
    TokensResetOnDelete, Observer, "3.03", "keep the counter outside the record";
    /// A released key is free only some time later.
    ReleasesLate, Backend, "4.02", "The release must free the key at once";
    /// An acquisition waits until the key is free.
    AcquireWaits, Backend, "1.02", "did not answer in";
    /// The watch does not show that a lock is free.
    ForgetsLockReleases, Backend, "5.05", "a wake-up was lost";
    /// A release is acknowledged, and nothing happens.
    ReleasesNothing, Backend, "6.02", "nothing was given up";
    /// A released lock leaves a record.
    LeavesVacantLocks, Observer, "6.02", "a released lock leaves no record";
    /// Declares that released elections keep their records, and deletes them.
    DeclaresKeptElections, Backend, "6.02", "declares that a released election keeps its record";
}

impl Mutant {
    /// The rule that must catch it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        self.entry().rule
    }

    /// Part of the message with which that rule must fail.
    #[must_use]
    pub fn says(self) -> &'static str {
        self.entry().says
    }

    /// The store that it is a mistake of.
    pub(super) fn store(self) -> MockDriver {
        match self.entry().store {
            Store::Backend => MockDriver::new(),
            Store::Observer => MockDriver::observer(),
        }
    }
}

impl fmt::Display for Mutant {
    /// The name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}
