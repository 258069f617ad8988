//! One attempt to test one rule: its connections, its fresh names, and its verdict.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsync::driver::{Capabilities, Claim, Driver, Expiry, Holder, Key, KeyKind, Nonce, WatchScope};
use dsync::{Config, Dsync, Resource, Timing};
use tokio::time::Instant;

use super::peer::Peer;
use super::stalls::Stalls;
use crate::harness::{Operator, Via, Wire};
use crate::proxy::Proxy;
use crate::rules::Outcome;
use crate::{Harness, Rule, Verdict};

/// How the tests of a suite are set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// Whether they run in virtual time.
    pub(crate) in_memory: bool,
    /// The lease duration that was asked for.
    pub(crate) lease: Option<Duration>,
    /// The namespace of all names, and another.
    pub(crate) namespaces: [String; 2],
}

const SHORTEST_LEASE: Duration = Duration::from_millis(600);

/// One attempt to test one rule.
pub(crate) struct Case {
    rule: &'static Rule,
    harness: Arc<dyn Harness>,
    /// What the driver declares.
    pub(crate) capabilities: Capabilities,
    driver: &'static str,
    /// The lease duration of everything here.
    pub(crate) lease: Duration,
    in_memory: bool,
    /// How long the server takes for a request.
    round_trip: Duration,
    namespaces: [String; 2],
    /// Part of every name, so that no two attempts meet in a store.
    run: String,
    counter: AtomicU64,
    stalls: Stalls,
    notes: Mutex<Notes>,
}

#[derive(Default)]
struct Notes {
    cases: u64,
    missing: Vec<String>,
    hints: Vec<String>,
}

impl Case {
    /// How long to wait for what has to come but has no deadline.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
    /// How long a request may still be in flight after its caller has given it up.
    pub(crate) const SETTLING: Duration = Duration::from_millis(200);

    pub(crate) async fn begin(
        harness: Arc<dyn Harness>,
        rule: &'static Rule,
        setup: &Setup,
    ) -> Outcome<Self> {
        let first = harness
            .connect(Via::Direct)
            .await
            .map_err(|error| Verdict::Fail(format!("{}: cannot connect: {error}", rule.id)))?;
        let capabilities = first.capabilities();
        let round_trip = if setup.in_memory { Duration::ZERO } else { round_trip(&*first).await };
        let least = setup.lease.unwrap_or(SHORTEST_LEASE).max(capabilities.min_lease);
        Ok(Self {
            rule,
            lease: rounded_up(least, capabilities.lease_granularity),
            capabilities,
            driver: first.name(),
            in_memory: setup.in_memory,
            round_trip,
            namespaces: setup.namespaces.clone(),
            run: format!("{:08x}", random() >> 32),
            counter: AtomicU64::new(1),
            stalls: if setup.in_memory { Stalls::default() } else { Stalls::watch() },
            notes: Mutex::default(),
            harness,
        })
    }

    /// The verdict, from what the test says and what it noted.
    pub(crate) fn conclude(&self, outcome: Outcome) -> (Verdict, u64, Vec<String>) {
        let notes = std::mem::take(&mut *self.notes());
        let verdict = match outcome {
            Err(verdict) => verdict,
            Ok(()) if notes.missing.is_empty() => Verdict::Pass,
            Ok(()) => Verdict::Partial(notes.missing.join("; ")),
        };
        (verdict, notes.cases, notes.hints)
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more thing was tried.
    pub(crate) fn count(&self) {
        self.notes().cases += 1;
    }

    /// Says what could not be tested.
    pub(crate) fn missing(&self, what: impl Into<String>) {
        self.notes().missing.push(what.into());
    }

    /// Says something that is no violation.
    pub(crate) fn hint(&self, what: impl Into<String>) {
        self.notes().hints.push(what.into());
    }

    /// The rule is violated.
    pub(crate) fn fail(&self, message: impl AsRef<str>) -> Verdict {
        Verdict::Fail(format!("{}: {}", self.rule.id, message.as_ref()))
    }

    /// The rule does not apply.
    pub(crate) fn skip(why: impl Into<String>) -> Verdict {
        Verdict::Skip(why.into())
    }

    /// Fails with `message` if `at` is after `limit`, unless the machine is to blame: it stood
    /// still for so long since `from`.
    pub(crate) fn in_time(
        &self,
        from: Instant,
        at: Instant,
        limit: Instant,
        message: impl FnOnce(Duration) -> String,
    ) -> Outcome {
        let late = at.saturating_duration_since(limit);
        if late.is_zero() {
            return Ok(());
        }
        let stalled = self.stalls.since(from);
        if stalled >= late {
            return Err(Verdict::Inconclusive(format!("the machine stood still for {stalled:?}")));
        }
        Err(self.fail(message(late)))
    }

    /// What had to happen within [`PATIENCE`](Self::PATIENCE) from `from` on did not.
    pub(crate) fn overdue(&self, from: Instant, message: impl AsRef<str>) -> Verdict {
        let stalled = self.stalls.since(from);
        if stalled >= Self::PATIENCE / 2 {
            return Verdict::Inconclusive(format!("the machine stood still for {stalled:?}"));
        }
        self.fail(message)
    }

    /// How much later than it should something may be seen, on this machine.
    pub(crate) fn slack(&self) -> Duration {
        let machine = Duration::from_millis(if self.in_memory { 5 } else { 400 });
        // A server that is slow to answer is slow each time that it is asked for a bound.
        machine + 10 * self.round_trip
    }

    /// `many` in memory, and fewer where each costs a round trip to a server.
    pub(crate) fn rounds(&self, many: u32) -> u32 {
        if self.in_memory { many } else { many.div_ceil(3) }
    }

    pub(crate) fn harness(&self) -> &dyn Harness {
        &*self.harness
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.in_memory
    }

    pub(crate) fn is_observer(&self) -> bool {
        self.capabilities.expiry == Expiry::Observer
    }

    pub(crate) fn watches(&self) -> WatchScope {
        self.capabilities.watch
    }

    /// After a claim of `duration` was answered, a lease that is not renewed is free within this.
    pub(crate) fn longest(&self, duration: Duration) -> Duration {
        rounded_up(duration, self.capabilities.lease_granularity)
            + self.capabilities.max_expiry_lag
            + self.slack()
    }

    pub(crate) fn operator(&self) -> Option<Arc<dyn Operator>> {
        self.harness.operator()
    }

    pub(crate) fn wire(&self) -> Option<Arc<dyn Wire>> {
        self.harness.wire()
    }

    /// A driver with a connection of its own, whose capabilities are those of the first.
    pub(crate) async fn driver(&self, via: Via) -> Outcome<Arc<dyn Driver>> {
        let connected = self.harness.connect(via).await;
        let driver = connected.map_err(|error| self.fail(format!("cannot connect: {error}")))?;
        let (now, name) = (driver.capabilities(), driver.name());
        if now != self.capabilities || name != self.driver {
            return Err(self.fail(format!(
                "two connections to one store declare different things: {:?} {:?} and {name:?} \
                 {now:?}; name and capabilities are constant (Driver::capabilities)",
                self.driver, self.capabilities
            )));
        }
        Ok(driver)
    }

    /// A connection.
    pub(crate) async fn peer(&self) -> Outcome<Peer> {
        Ok(Peer::new(self.driver(Via::Direct).await?, self.rule.id))
    }

    /// A proxy in front of the server; `None`: the harness does not say where that is.
    pub(crate) async fn proxy(&self) -> Outcome<Option<Proxy>> {
        let Some(server) = self.harness.address() else { return Ok(None) };
        let proxy = Proxy::start(server).await;
        proxy.map(Some).map_err(|error| Verdict::Invalid(format!("no proxy: {error}")))
    }

    /// A connection through a proxy.
    pub(crate) async fn peer_via(&self, proxy: &Proxy) -> Outcome<Peer> {
        Ok(Peer::new(self.driver(Via::Proxy(proxy.address())).await?, self.rule.id))
    }

    /// Several connections, as of several processes.
    pub(crate) async fn peers<const N: usize>(&self) -> Outcome<[Peer; N]> {
        let mut peers = Vec::with_capacity(N);
        for _ in 0..N {
            peers.push(self.peer().await?);
        }
        peers.try_into().map_err(|_| self.fail("too few connections"))
    }

    /// A user's handle over a connection of its own.
    pub(crate) async fn dsync(&self, instance: &str) -> Outcome<Dsync> {
        self.dsync_with(instance, |config| config).await
    }

    pub(crate) async fn dsync_with(
        &self,
        instance: &str,
        adjust: impl FnOnce(Config) -> Config,
    ) -> Outcome<Dsync> {
        self.dsync_over(self.driver(Via::Direct).await?, instance, adjust)
    }

    /// A user's handle over this driver.
    pub(crate) fn dsync_over(
        &self,
        driver: impl Driver,
        instance: &str,
        adjust: impl FnOnce(Config) -> Config,
    ) -> Outcome<Dsync> {
        let config = Config::new(instance)
            .with_namespace(&self.namespaces[0])
            .with_timing(self.timing())
            .with_drain_timeout(self.lease);
        Dsync::new(driver, adjust(config))
            .map_err(|error| self.fail(format!("Dsync::new: {error}")))
    }

    pub(crate) fn timing(&self) -> Timing {
        Timing::new(self.lease)
    }

    /// Returns a resource that has never been used.
    pub(crate) fn resource(&self) -> Resource {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        Resource::new(format!("r-{number}"))
            .with_scope(self.scope())
            .with_namespace(&self.namespaces[0])
    }

    /// The scope of all names of this attempt.
    pub(crate) fn scope(&self) -> String {
        format!("suite-{}-{}", self.rule.id.replace('.', "-"), self.run)
    }

    /// The namespace of all tests, and another.
    pub(crate) fn namespaces(&self) -> (&str, &str) {
        (&self.namespaces[0], &self.namespaces[1])
    }

    /// Returns a key that has never been used.
    pub(crate) fn key(&self, kind: KeyKind) -> Key {
        key_of(kind, &self.resource())
    }

    /// The holder of one attempt of `instance`, with a nonce of its own.
    pub(crate) fn holder(instance: &str) -> Holder {
        Holder::new(instance, Self::nonce())
    }

    /// A nonce of its own.
    pub(crate) fn nonce() -> Nonce {
        Nonce::new(random())
    }

    /// Longer than any test needs, however slow the server is.
    pub(crate) fn long(&self) -> Duration {
        20 * self.lease + 6 * Self::PATIENCE
    }

    /// A claim that takes nothing over, and does not run out during the test.
    pub(crate) fn claim(&self, instance: &str) -> Claim {
        Claim::new(Self::holder(instance), self.long())
    }

    /// A claim for the lease duration of the tests, which is meant to run out.
    pub(crate) fn brief_claim(&self, instance: &str) -> Claim {
        Claim::new(Self::holder(instance), self.lease)
    }
}

/// The longest of a few requests. What goes wrong with them is for the rules to say.
async fn round_trip(driver: &dyn Driver) -> Duration {
    let key = Resource::new("r").with_scope("suite-round-trip").key(KeyKind::Election);
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        let sent = crate::tasks::now();
        let answer = tokio::time::timeout(Duration::from_secs(2), driver.read(&key)).await;
        if answer.is_ok() {
            longest = longest.max(crate::tasks::now().saturating_duration_since(sent));
        }
    }
    longest
}

/// The key of a resource, as the core makes it.
pub(crate) fn key_of(kind: KeyKind, resource: &Resource) -> Key {
    resource.key(kind)
}

/// `duration` as a store counts it.
pub(crate) fn rounded_up(duration: Duration, granularity: Duration) -> Duration {
    let unit = granularity.as_nanos().max(1);
    let nanos = duration.as_nanos().div_ceil(unit) * unit;
    u64::try_from(nanos).map_or(Duration::MAX, Duration::from_nanos)
}

/// Names and nonces must differ between processes that share a store; that is all.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
