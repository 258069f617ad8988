//! The contract between dsync and a store.

mod capabilities;
mod claim;
mod forward;
mod lease;
mod observation;
mod subscriptions;
mod verb;

use std::fmt;

use async_trait::async_trait;

pub use self::capabilities::{Capabilities, Expiry, WatchScope};
pub use self::claim::{Acquired, Claim, Released, Renewed};
pub use self::lease::{Holder, Lease, Nonce, Pulse, Version};
pub use self::observation::{Observation, Watch};
pub use self::subscriptions::{Feed, KeyChanges, Subscriptions, WatchedKeys};
pub use self::verb::Verb;
use crate::Result;
pub use crate::key::{Key, KeyKind};

/// A store that can keep leases: one method per request, no more.
///
/// Everything that makes an election or a lock (deadlines, retries, waiting, ambiguous answers,
/// the order in which a term ends) is in the core and is the same for every store. A driver
/// translates five verbs into its store's requests, and that store's errors into [`Error`].
///
/// # Contract
///
/// | verb | the driver MUST |
/// |---|---|
/// | [`read`](Self::read) | answer with the record as it is now (linearizable) |
/// | [`acquire`](Self::acquire) | take the lease only if it is free, or is still at `take_over` |
/// | [`renew`](Self::renew) | extend the lease only if it is still held by `lease.holder`; never create it again |
/// | [`release`](Self::release) | give the lease up only if it is still held by `lease.holder`; never touch another's |
/// | [`watch`](Self::watch) | tell what it hears of the key; it is a hint, and correctness never depends on it |
///
/// Contention is a value ([`Acquired::Held`], [`Renewed::Lost`], [`Released::NotHeld`]), never an
/// error. A driver MUST NOT loop, retry, sleep or keep timers of its own: the core does, and
/// knows the deadline. It MAY run one background task for a shared watch and one that grants or
/// revokes store leases; both end with [`close`](Self::close) and when the driver is dropped.
///
/// # Atomicity
///
/// Each write verb changes the store by **one** conditional write that the store itself decides.
/// Reading, comparing in the process and then writing without a condition is the classic mistake:
///
/// ```text
/// wrong:  if read(key).is_none() { put(key, claim) }            two candidates read "none", both win
/// right:  put_if_absent(key, claim)                             the store lets one of them win
/// right:  put_if_version(key, claim, the version that was read) likewise
/// ```
///
/// # Expiry
///
/// A claim MUST NOT expire before *the start of the call* plus its duration, so round up. Who
/// declares a lease dead is [`Capabilities::expiry`]: the store by itself ([`Expiry::Backend`]),
/// or the core, which takes over a record whose [`Pulse`] it has not seen change for the record's
/// own duration ([`Expiry::Observer`]). A driver of a `Backend` store ignores
/// [`Claim::take_over`] and never takes a live record. A wall clock may be written for people to
/// read; it never decides anything.
///
/// # Unknown outcomes
///
/// An error is either *definite* (the write has not been applied and will not be:
/// [`Error::definite`]) or *ambiguous* (it may have been applied, or still may be:
/// [`Error::ambiguous`]). A driver classifies in one function, and whatever it cannot prove
/// definite is ambiguous. A refused connection is definite; a connection that broke after the
/// request was sent, a timeout, and any error of a proxy are not. The core settles an ambiguous
/// acquisition by looking for its nonce, so the holder MUST be stored as it was given.
///
/// # Cancel safety
///
/// The core puts a time limit on every call and drops the future when it is over. Dropping any
/// driver future at any await MUST leave the store in a state that an ambiguous error allows.
///
/// # Implementing
///
/// Annotate the `impl` with [`async_trait`](crate::async_trait) (re-exported, so that versions
/// match). Implement every method yourself: there are no defaults to inherit by accident. A driver
/// on files, from an empty crate to a green test suite, is in the repository's
/// `dsync-conformance/WRITE-A-DRIVER.md`.
///
/// ```
/// use dsync::async_trait;
/// use dsync::driver::{
///     Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Released, Renewed, Watch,
/// };
///
/// /// A store that is always full.
/// #[derive(Debug)]
/// struct Nobody;
///
/// #[async_trait]
/// impl Driver for Nobody {
///     fn name(&self) -> &'static str {
///         "nobody"
///     }
///     fn capabilities(&self) -> Capabilities {
///         Capabilities::new(Expiry::Backend)
///     }
///     async fn read(&self, _key: &Key) -> dsync::Result<Option<Lease>> {
///         Ok(None)
///     }
///     async fn acquire(&self, _key: &Key, _claim: &Claim) -> dsync::Result<Acquired> {
///         Ok(Acquired::Held(None))
///     }
///     async fn renew(&self, _key: &Key, _lease: &Lease) -> dsync::Result<Renewed> {
///         Ok(Renewed::Lost(None))
///     }
///     async fn release(&self, _key: &Key, _lease: &Lease) -> dsync::Result<Released> {
///         Ok(Released::NotHeld)
///     }
///     fn watch(&self, _key: &Key) -> Watch {
///         dsync::driver::Observation::silence()
///     }
///     async fn close(&self) {}
/// }
/// ```
///
/// [`Error`]: crate::Error
/// [`Error::definite`]: crate::Error::definite
/// [`Error::ambiguous`]: crate::Error::ambiguous
#[async_trait]
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// A short name for errors and logs, such as `"kube"`.
    fn name(&self) -> &'static str;

    /// What this store can and cannot do. Constant for the life of the driver.
    fn capabilities(&self) -> Capabilities;

    /// Reads the record of `key` as it is now. `None`: there is no record.
    ///
    /// The read MUST be linearizable: after a write was acknowledged to anybody, it shows that
    /// write or something newer. A record that was released but is kept by the store is a
    /// [`Lease`] without a holder.
    ///
    /// # Errors
    ///
    /// Whatever the store answers; a read changes nothing, so the core does not ask whether the
    /// error is definite.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    async fn read(&self, key: &Key) -> Result<Option<Lease>>;

    /// Takes the lease of `key` for `claim.holder` if it is free.
    ///
    /// Free means: no record, or a record without a holder, or, with [`Expiry::Observer`], a
    /// record that is still at the version [`Claim::take_over`]. If `take_over` is given and an
    /// `Observer` store has the record at another version, the driver MUST NOT take it, even if
    /// it has no holder: the core knows then that this attempt can never succeed any more.
    ///
    /// # Errors
    ///
    /// Definite or ambiguous, see [*Unknown outcomes*](Self#unknown-outcomes).
    ///
    /// # Cancel safety
    ///
    /// A dropped call counts as ambiguous.
    async fn acquire(&self, key: &Key, claim: &Claim) -> Result<Acquired>;

    /// Extends `lease` by its duration, counted from no earlier than the start of this call, if
    /// the record is still held by `lease.holder`. Never re-creates a record.
    ///
    /// # Errors
    ///
    /// Definite or ambiguous, see [*Unknown outcomes*](Self#unknown-outcomes).
    ///
    /// # Cancel safety
    ///
    /// A dropped call counts as ambiguous.
    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed>;

    /// Gives `lease` up if the record is still held by `lease.holder`, so that others can acquire
    /// it at once.
    ///
    /// # Errors
    ///
    /// Definite or ambiguous, see [*Unknown outcomes*](Self#unknown-outcomes).
    ///
    /// # Cancel safety
    ///
    /// A dropped call counts as ambiguous.
    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released>;

    /// Starts to watch `key`. The stream begins with what the store holds when that is known,
    /// then tells each change that [`Capabilities::watch`] promises. Where it is not known, it
    /// begins with [`Observation::Heartbeat`] as soon as nothing more is missed: the core reads once
    /// then, and relies on the watch from there on.
    ///
    /// It is a hint: it may lag, repeat itself and skip states that did not last, but it MUST
    /// come to show the last one. A driver that cannot go on ends the stream, if it can with an
    /// error that says why; the core then reads once in a retry period until a new watch works.
    /// Dropping the stream ends the watch.
    fn watch(&self, key: &Key) -> Watch;

    /// Ends background work and closes connections. The driver is not used afterwards. Dropping
    /// the driver has the same effect, without the wait.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may leave the closing to the background; calling it again is fine.
    async fn close(&self);
}
