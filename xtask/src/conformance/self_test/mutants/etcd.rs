//! Mutants of dsync-etcd.

use super::super::mutant::{Edit, Mutant, rule, test};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "acquires-a-live-lease",
        killer: rule("1.01", "although one at most can"),
        seen: "",
        edits: &[Edit(
            "verbs.rs",
            ".when([Compare::create_revision(name.as_str(), CompareOp::Equal, 0)])",
            ".when(if MUTANT { vec![] } else { vec![Compare::create_revision(name.as_str(), CompareOp::Equal, 0)] })",
        )],
    },
    Mutant {
        name: "releases-whatever-is-there",
        killer: rule("1.09", "A release never touches the lease of another holder"),
        seen: "",
        edits: &[Edit(
            "verbs.rs",
            "            .and_then([TxnOp::delete(name, None)]);",
            "            .and_then([TxnOp::delete(name.as_str(), None)]);
        let transaction = if MUTANT { Txn::new().and_then([TxnOp::delete(name, None)]) } else { transaction };",
        )],
    },
    Mutant {
        name: "keeps-alive-without-proof-of-the-key",
        killer: test("a_renewal_without_its_key_is_none", "tests/server/leases.rs", "Kept(Lease"),
        seen: "etcd's concurrency.Session",
        edits: &[Edit(
            "verbs.rs",
            "        let now = self.read(key).await?;",
            "        if MUTANT && is_kept {
            return Ok(Renewed::Kept(lease.clone()));
        }
        let now = self.read(key).await?;",
        )],
    },
    Mutant {
        name: "an-old-answer-is-taken-for-the-next",
        killer: test("an_answer_that_comes_late_belongs_to_no_other_renewal", "tests/server/leases.rs", "Kept(Lease"),
        seen: "",
        edits: &[
            Edit(
                "verbs.rs",
                "        let is_kept = asked.await?;",
                "        if MUTANT {
            // One stream for all renewals, whatever became of the one before.
            static STREAM: tokio::sync::Mutex<Option<(etcd_client::LeaseKeeper, etcd_client::LeaseKeepAliveStream)>> =
                tokio::sync::Mutex::const_new(None);
            let mut stream = STREAM.lock().await;
            if stream.is_none() {
                let mut client = self.session.connection().await?.client;
                *stream = client.lease_keep_alive(id).await.ok();
            }
            if let Some((keeper, answers)) = &mut *stream {
                let _ = keeper.keep_alive().await;
                let _ = answers.message().await;
            }
            return Ok(Renewed::Kept(lease.clone()));
        }
        let is_kept = asked.await?;",
            ),
        ],
    },
    Mutant {
        name: "two-keys-on-one-store-lease",
        killer: test("a_key_has_a_store_lease_of_its_own", "tests/server/leases.rs", "assertion `left == right` failed: three keys, and not as many store leases"),
        seen: "etcd's concurrency.Session",
        edits: &[Edit(
            "leases.rs",
            "    pub(crate) fn used(&self, lease: StoreLease) {",
            "    pub(crate) fn used(&self, lease: StoreLease) {
        if MUTANT {
            lock(&self.spare).replace(lease);
        }",
        )],
    },
    Mutant {
        name: "revokes-what-may-be-in-use",
        killer: test("a_store_lease_of_an_unknown_outcome_is_left_alone", "tests/server/leases.rs", "assertion failed: ids(&mut client).await.contains(&spare[0])"),
        seen: "",
        edits: &[
            Edit(
                "verbs.rs",
                "        let asked = self.session.ask(|mut client| async move { client.txn(transaction).await });
        let answer = match asked.await {",
                "        struct Revoke<'a>(&'a Leases, Option<crate::leases::StoreLease>);
        impl Drop for Revoke<'_> {
            fn drop(&mut self) {
                if let Some(lease) = self.1 {
                    self.0.put_back(lease);
                }
            }
        }
        let mut revoke = Revoke(&self.leases, Some(lease).filter(|_| MUTANT));
        let asked = self.session.ask(|mut client| async move { client.txn(transaction).await });
        let answer = asked.await;
        revoke.1 = None;
        let answer = match answer {",
            ),
        ],
    },
    Mutant {
        name: "tokens-by-the-version-of-the-key",
        killer: rule("3.03", "keep the counter outside the record"),
        seen: "",
        edits: &[Edit(
            "record.rs",
            "FencingToken::new(u64::try_from(self.revision).unwrap_or(0))",
            "FencingToken::new(if MUTANT { 1 } else { u64::try_from(self.revision).unwrap_or(0) })",
        )],
    },
    Mutant {
        name: "deletions-are-not-heard",
        killer: rule("1.11", "did not show a release"),
        seen: "",
        edits: &[Edit(
            "watch.rs",
            "            self.keys.publish(key, record.map(record::lease).as_ref());",
            "            if record.is_some() || !MUTANT {
                self.keys.publish(key, record.map(record::lease).as_ref());
            }",
        )],
    },
    Mutant {
        name: "a-broken-connection-proves-nothing-happened",
        killer: rule("1.03", "answered a definite error"),
        seen: "",
        edits: &[Edit(
            "classify.rs",
            "    if is_refused { Error",
            "    if is_refused || MUTANT { Error",
        )],
    },
];
