//! The contract between dsync and a store.
//!
//! [`Driver`] states it. The other types are what its methods take and return.

mod capabilities;
mod claim;
mod forward;
mod lease;
mod observation;
mod subscriptions;

use std::fmt;

use async_trait::async_trait;

pub use self::capabilities::{Capabilities, Expiry, WatchScope};
pub use self::claim::{Acquired, Claim, Released, Renewed};
pub use self::lease::{Holder, Lease, Nonce, Pulse, Version};
pub use self::observation::{Observation, Watch};
pub use self::subscriptions::{Feed, KeyChanges, Subscriptions, WatchedKeys};
use crate::Result;
pub use crate::key::{Key, KeyKind};
pub use crate::verb::Verb;

/// A store of leases, with one method per request.
///
/// The core contains everything that makes an election or a lock: deadlines, retries, waiting,
/// unknown outcomes, and the order in which a term ends. It is the same for every store. A driver
/// translates five [verbs](Verb) into requests of its store, and errors of the store into
/// [`Error`].
///
/// [Write a driver in an afternoon][guide] leads from an empty crate to a driver that passes the
/// conformance suite.
///
/// # Contract
///
/// | verb | the driver MUST |
/// |---|---|
/// | [`read`](Self::read) | return the record as it is now (linearizable) |
/// | [`acquire`](Self::acquire) | take the lease only if it is free, or is still at [`Claim::take_over`] |
/// | [`renew`](Self::renew) | extend the lease only if `lease.holder` still holds it; never create it again |
/// | [`release`](Self::release) | free the lease only if `lease.holder` still holds it; never touch another holder's |
/// | [`watch`](Self::watch) | report changes of the key; they are hints, and correctness never depends on them |
///
/// Contention is a value ([`Acquired::Held`], [`Renewed::Lost`], [`Released::NotHeld`]), never an
/// error. A driver MUST NOT loop, retry, sleep or keep timers of its own: the core does, and
/// knows the deadline. It MAY run one background task for a shared watch and one that grants or
/// revokes store leases. Both end with [`close`](Self::close) and when the driver is dropped.
///
/// # Atomicity
///
/// Each write verb changes the store by **one** conditional write that the store itself decides.
/// The classic mistake is to read, compare in the process, and write without a condition:
///
/// ```text
/// wrong:  if read(key).is_none() { put(key, claim) }            two candidates read "none", both win
/// right:  put_if_absent(key, claim)                             the store lets one of them win
/// right:  put_if_version(key, claim, the version that was read) likewise
/// ```
///
/// # Expiry
///
/// A claim MUST NOT expire before *the start of the call* plus its duration, so round up.
/// [`Capabilities::expiry`] declares who decides that a lease has expired: the store
/// ([`Expiry::Backend`]), or the core, which takes over a record whose [`Pulse`] has not changed
/// for the record's own duration ([`Expiry::Observer`]). A driver of a `Backend` store ignores
/// [`Claim::take_over`] and never takes a record that has not expired. A driver may write wall
/// clock times for people to read. No decision may depend on them.
///
/// # Renewal without a duration
///
/// The core always sets [`Lease::duration`] when it renews, to the duration that its deadlines
/// count with. A driver extends the lease by exactly that, even if the record says otherwise. A
/// lease that was read from a record without a duration has none. To renew such a lease, keep the
/// duration that the store has on record, or return a definite [`ErrorKind::Internal`] if it has
/// none. Do not make one up: a holder that counts on more than the store grants loses its lease
/// without noticing.
///
/// # What a release leaves behind
///
/// After a release the key can be acquired at once. A released **lock** leaves no record, since
/// locks are many and their names may come from data. A released **election** leaves no record
/// either, or a record without a holder ([`Lease::vacant`]). A driver that always leaves one
/// declares [`keeps_released_elections`](Capabilities::keeps_released_elections). Then the core
/// knows that a record which vanishes was deleted by an operator while its holder may still run,
/// and waits for the end of the lease that it last saw.
///
/// # Fencing
///
/// Every acquisition of a key gets a [fencing token](crate::FencingToken) that is higher than all
/// earlier tokens of the key, and higher than [`Claim::token_floor`] if the store may have
/// forgotten its counter. The token is assigned by the write that acquires, in the same atomic
/// step: a revision of the store, or a counter that the same script or transaction increments.
/// It stays the same through renewals. It may not depend on a clock.
///
/// # Unknown outcomes
///
/// An error is either *definite* (the write has not been applied and will not be:
/// [`Error::definite`]) or *ambiguous* (it may have been applied, or may still be:
/// [`Error::ambiguous`]). A driver classifies errors in one function, and every error that it
/// cannot prove to be definite is ambiguous. A refused connection is definite. A timeout, a
/// connection that broke after the request was sent, and every error of a proxy are ambiguous.
///
/// | verb | after a definite error | after an ambiguous error |
/// |---|---|---|
/// | `acquire` | tries again | reads until the record shows whether the attempt was applied; if it was, the term counts from when that attempt was sent |
/// | `renew` | tries again; the deadline stays | the same |
/// | `release` | tries again | reads, and tries again if the lease is still held |
///
/// The core recognizes its attempts by the nonce in the holder, so a driver MUST store the holder
/// as it was given.
///
/// # What each kind of error causes
///
/// | kind | the core |
/// |---|---|
/// | [`Unavailable`](crate::ErrorKind::Unavailable), [`Timeout`](crate::ErrorKind::Timeout), [`Unauthenticated`](crate::ErrorKind::Unauthenticated), [`Internal`](crate::ErrorKind::Internal) | sends the request again after the retry period |
/// | [`Throttled`](crate::ErrorKind::Throttled) | the same; it waits longer if the error says so ([`Error::with_retry_after`]) |
/// | [`Denied`](crate::ErrorKind::Denied) | the same; a campaign ends when a verb has been denied for four lease durations, and a denied release is not repeated |
/// | [`Invalid`](crate::ErrorKind::Invalid), [`Unsupported`](crate::ErrorKind::Unsupported) | ends the campaign at once, except from `renew` and `release` |
///
/// A driver does not return the other kinds. `try_lock` returns the error instead of trying again,
/// except that it reads after an ambiguous `acquire`. No error ends a term: it ends at its renew
/// deadline unless a renewal succeeds before.
///
/// # Cancel safety
///
/// The core limits the time of every call and drops the future at the limit. Dropping a driver
/// future at any await MUST leave the store in a state that an ambiguous error allows.
///
/// # Implementing
///
/// Annotate the `impl` with [`async_trait`](crate::async_trait), which is re-exported so that
/// versions match. There are no default methods, so that none is inherited by accident.
///
/// This driver keeps leases in the memory of one process. One mutex makes each verb atomic:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
/// use std::time::{Duration, Instant};
///
/// use dsync::driver::{
///     Acquired, Capabilities, Claim, Driver, Expiry, Key, Lease, Observation, Pulse, Released,
///     Renewed, Version, Watch,
/// };
/// use dsync::{FencingToken, async_trait};
///
/// #[derive(Debug, Default)]
/// struct MemoryDriver(Mutex<Records>);
///
/// #[derive(Debug, Default)]
/// struct Records {
///     /// Each lease, and when it expires.
///     leases: HashMap<Key, (Lease, Instant)>,
///     last_token: u64,
/// }
///
/// impl Records {
///     /// Returns the lease of `key`, unless it has expired.
///     fn live(&self, key: &Key) -> Option<Lease> {
///         let (lease, expires_at) = self.leases.get(key)?;
///         (Instant::now() < *expires_at).then(|| lease.clone())
///     }
///
///     fn put(&mut self, key: &Key, lease: Lease, duration: Duration) -> Lease {
///         self.leases.insert(key.clone(), (lease.clone(), Instant::now() + duration));
///         lease
///     }
/// }
///
/// #[async_trait]
/// impl Driver for MemoryDriver {
///     fn name(&self) -> &'static str {
///         "memory"
///     }
///
///     fn capabilities(&self) -> Capabilities {
///         let unit = Duration::from_millis(1);
///         Capabilities::new(Expiry::Backend).with_lease(unit, unit).with_token_surviving_delete()
///     }
///
///     async fn read(&self, key: &Key) -> dsync::Result<Option<Lease>> {
///         Ok(self.0.lock().unwrap().live(key))
///     }
///
///     async fn acquire(&self, key: &Key, claim: &Claim) -> dsync::Result<Acquired> {
///         let mut records = self.0.lock().unwrap();
///         if let Some(lease) = records.live(key) {
///             return Ok(Acquired::Held(Some(lease)));
///         }
///         records.last_token = records.last_token.max(claim.token_floor.get()) + 1;
///         let token = FencingToken::new(records.last_token);
///         // The holder is new for every acquisition, which is all that version and pulse have to
///         // be where the store decides the expiry.
///         let (holder, text) = (claim.holder.clone(), claim.holder.as_str());
///         let (version, pulse) = (Version::new(text), Pulse::new(text));
///         let lease = Lease::held(holder, claim.duration, version, pulse, token);
///         Ok(Acquired::Won(records.put(key, lease, claim.duration)))
///     }
///
///     async fn renew(&self, key: &Key, lease: &Lease) -> dsync::Result<Renewed> {
///         let mut records = self.0.lock().unwrap();
///         match records.live(key) {
///             Some(mut record) if record.holder == lease.holder => {
///                 record.duration = lease.duration.or(record.duration);
///                 let duration = record.duration.unwrap_or_default();
///                 Ok(Renewed::Kept(records.put(key, record, duration)))
///             }
///             other => Ok(Renewed::Lost(other)),
///         }
///     }
///
///     async fn release(&self, key: &Key, lease: &Lease) -> dsync::Result<Released> {
///         let mut records = self.0.lock().unwrap();
///         if records.live(key).is_none_or(|record| record.holder != lease.holder) {
///             return Ok(Released::NotHeld);
///         }
///         records.leases.remove(key);
///         Ok(Released::Freed)
///     }
///
///     fn watch(&self, _key: &Key) -> Watch {
///         Observation::silence()
///     }
///
///     async fn close(&self) {}
/// }
/// # use dsync::Resource;
/// # use dsync::driver::{Holder, KeyKind, Nonce};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> dsync::Result<()> {
/// # let (driver, key) = (MemoryDriver::default(), Resource::new("task").key(KeyKind::Lock));
/// # let of = |nonce| Holder::new("pod-a", Nonce::new(nonce));
/// # let claim = |nonce, secs| Claim::new(of(nonce), Duration::from_secs(secs));
/// # let Acquired::Won(first) = driver.acquire(&key, &claim(1, 60)).await? else { panic!() };
/// # assert_eq!(driver.acquire(&key, &claim(2, 60)).await?, Acquired::Held(Some(first.clone())));
/// # assert_eq!(driver.read(&key).await?, Some(first.clone()));
/// # assert!(matches!(driver.renew(&key, &first).await?, Renewed::Kept(_)));
/// # assert_eq!(driver.release(&key, &first).await?, Released::Freed);
/// # assert_eq!(driver.release(&key, &first).await?, Released::NotHeld);
/// # assert_eq!(driver.renew(&key, &first).await?, Renewed::Lost(None));
/// # let Acquired::Won(second) = driver.acquire(&key, &claim(3, 0)).await? else { panic!() };
/// # assert!(second.fencing_token > first.fencing_token);
/// # assert_eq!(driver.renew(&key, &second).await?, Renewed::Lost(None), "it has expired");
/// # let dsync = dsync::Dsync::new(driver, "pod-a")?;
/// # let guard = dsync.lock("task")?.lock().await?;
/// # assert!(guard.is_held() && dsync.lock("task")?.try_lock().await?.is_none());
/// # guard.unlock().await?;
/// # assert!(dsync.lock("task")?.try_lock().await?.is_some());
/// # Ok(())
/// # }
/// ```
///
/// [guide]: https://docs.rs/crate/dsync-conformance/latest/source/WRITE-A-DRIVER.md
/// [`Error`]: crate::Error
/// [`Error::definite`]: crate::Error::definite
/// [`Error::ambiguous`]: crate::Error::ambiguous
/// [`Error::with_retry_after`]: crate::Error::with_retry_after
/// [`ErrorKind::Internal`]: crate::ErrorKind::Internal
#[async_trait]
pub trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Returns a short name for errors and logs, such as `"kube"`.
    fn name(&self) -> &'static str;

    /// Returns what this store can and cannot do. It is constant for the life of the driver.
    fn capabilities(&self) -> Capabilities;

    /// Reads the record of `key` as it is now. Returns `None` if there is no record.
    ///
    /// The read MUST be linearizable: once a write was acknowledged to any client, the read
    /// returns that write or a newer one. A record that the store keeps after its release is a
    /// [`Lease`] without a holder.
    ///
    /// # Errors
    ///
    /// Any error of the store. A read changes nothing, so it does not matter whether the error is
    /// definite.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a read changes nothing.
    async fn read(&self, key: &Key) -> Result<Option<Lease>>;

    /// Takes the lease of `key` for `claim.holder` if it is free.
    ///
    /// Free means: no record, or a record without a holder, or, with [`Expiry::Observer`], a
    /// record that is still at the version [`Claim::take_over`]. If `take_over` is given and the
    /// record of an `Observer` store is at another version, the driver MUST NOT take it, even if
    /// it has no holder: the core relies on this to know that an attempt can no longer succeed.
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
    /// `lease.holder` still holds the record. Never creates a record.
    ///
    /// # Errors
    ///
    /// Definite or ambiguous, see [*Unknown outcomes*](Self#unknown-outcomes).
    ///
    /// # Cancel safety
    ///
    /// A dropped call counts as ambiguous.
    async fn renew(&self, key: &Key, lease: &Lease) -> Result<Renewed>;

    /// Frees `lease` if `lease.holder` still holds the record, so that other candidates can
    /// acquire it at once.
    ///
    /// # Errors
    ///
    /// Definite or ambiguous, see [*Unknown outcomes*](Self#unknown-outcomes).
    ///
    /// # Cancel safety
    ///
    /// A dropped call counts as ambiguous.
    async fn release(&self, key: &Key, lease: &Lease) -> Result<Released>;

    /// Starts a watch of `key`.
    ///
    /// The stream begins with the record, if the driver knows it at the start. Otherwise it begins
    /// with [`Observation::Heartbeat`] as soon as no later change can be missed: the core then
    /// reads once and relies on the watch from there on. After that it reports the changes that
    /// [`Capabilities::watch`] declares.
    ///
    /// A watch is a hint. It may lag, repeat itself, and skip states that did not last, but it
    /// MUST show the last state in the end. A driver that cannot go on ends the stream, preferably
    /// with an error that says why. The core then reads once in a retry period until a new watch
    /// works. Dropping the stream ends the watch.
    fn watch(&self, key: &Key) -> Watch;

    /// Ends background work and closes connections. The core does not use the driver afterwards.
    /// Dropping the driver has the same effect, without waiting.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may leave the rest to the background. It is safe to call `close` again.
    async fn close(&self);
}
