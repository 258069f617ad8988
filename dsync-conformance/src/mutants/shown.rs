//! What is shown of a record, and what the store understands by it.

use dsync::FencingToken;
use dsync::driver::{Holder, Key, Lease, Pulse, Version};

use super::connection::MutantDriver;
use super::list::Mutant;

impl MutantDriver {
    /// A lease of the store, as this driver shows it.
    pub(super) fn shown(&self, key: &Key, mut lease: Lease) -> Lease {
        let mut facts = self.shared.lock();
        let base = facts.bases.get(key).copied().unwrap_or_default();
        match self.mutant {
            Mutant::VersionsRepeat => {
                lease.version = moved(&lease.version, |v| v.wrapping_sub(base));
            }
            Mutant::VersionStandsStill => lease.version = of_acquisition(&lease),
            Mutant::PulseStandsStill => {
                let holder = lease.holder.as_ref().map_or("", Holder::as_str);
                lease.pulse = Pulse::new(holder);
            }
            Mutant::PulseFollowsLabels => lease.pulse = Pulse::new(lease.version.as_str()),
            Mutant::PulseNeverRests => {
                facts.reads += 1;
                lease.pulse = Pulse::new(facts.reads.to_string());
            }
            Mutant::TokensResetOnDelete => {
                lease.fencing_token = FencingToken::new(lease.fencing_token.get() - base);
            }
            Mutant::TokenGrowsOnRenewal => {
                let renewals = facts.renewals.get(key).copied().unwrap_or_default();
                lease.fencing_token = FencingToken::new(lease.fencing_token.get() + renewals);
            }
            _ => {}
        }
        lease
    }

    /// The version of the store that is meant by one that was shown.
    pub(super) fn meant_version(&self, key: &Key, version: &Version) -> Version {
        match self.mutant {
            Mutant::VersionsRepeat => {
                let base = self.shared.lock().bases.get(key).copied().unwrap_or_default();
                moved(version, |v| v.wrapping_add(base))
            }
            Mutant::VersionStandsStill => match self.inner.record(key) {
                Some(record) if of_acquisition(&record) == *version => record.version,
                _ => version.clone(),
            },
            _ => version.clone(),
        }
    }

    /// The lease of the store that is meant by one that was shown.
    pub(super) fn meant(&self, key: &Key, lease: &Lease) -> Lease {
        let mut meant = lease.clone();
        meant.version = self.meant_version(key, &lease.version);
        meant.holder = lease.holder.as_ref().map(|holder| self.stored(holder));
        meant.duration = lease.duration.map(|asked| self.duration(asked));
        meant
    }

    /// The holder that is stored for one that was given.
    pub(super) fn stored(&self, holder: &Holder) -> Holder {
        if self.has(Mutant::LosesTheNonce) {
            return Holder::from_wire(holder.instance());
        }
        holder.clone()
    }
}

fn moved(version: &Version, by: impl FnOnce(u64) -> u64) -> Version {
    let number: u64 = version.as_str().parse().unwrap_or_default();
    Version::new(by(number).to_string())
}

/// The token of an acquisition distinguishes it from every other one.
fn of_acquisition(lease: &Lease) -> Version {
    Version::new(format!("acquisition {}", lease.fencing_token))
}
