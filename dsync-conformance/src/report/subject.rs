//! The driver under test, its server, and the abilities of the harness.

use std::fmt;

use dsync::driver::{Capabilities, Expiry, WatchScope};
use serde::{Deserialize, Serialize};

use super::run::ms;
use crate::Harness;

/// A driver that was tested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriverInfo {
    /// Its name, such as `kube`.
    pub name: String,
    /// Its version, if it was given.
    pub version: Option<String>,
    /// The forms in which it was tested: a driver that can be set up in several ways declares
    /// different capabilities in each.
    pub forms: Vec<Form>,
}

/// A driver as it was set up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// Its name; empty if there is only one form.
    pub name: String,
    /// What it declares.
    pub declared: Promises,
    /// What the tests observed of that.
    #[serde(default)]
    pub observed: Observed,
}

/// What a driver declares, see [`Capabilities`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Promises {
    /// What ends a lease that is not renewed: `backend` or `observer`.
    pub expiry: String,
    /// What a watch reports: `nothing`, `releases` or `changes`.
    pub watch: String,
    /// The shortest lease duration in milliseconds.
    pub min_lease_ms: f64,
    /// The unit of lease durations in milliseconds.
    pub lease_granularity_ms: f64,
    /// How long a dead lease may still look alive, in milliseconds.
    pub max_expiry_lag_ms: f64,
    /// A released election keeps its record.
    pub keeps_released_elections: bool,
    /// Tokens go on growing after a deletion.
    pub token_survives_delete: bool,
    /// Tokens go on growing after a restart.
    pub token_survives_restart: bool,
    /// Tokens go on growing after acknowledged writes were lost.
    pub token_survives_loss: bool,
}

/// What the tests observed of what a driver declares; `null`: not tested.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Observed {
    /// What a watch reported: `nothing`, `releases` or `changes`.
    pub watch: Option<String>,
    /// The latest that a dead lease still looked alive, in milliseconds after its duration.
    pub max_expiry_lag_ms: Option<f64>,
    /// Tokens went on growing after a deletion.
    pub token_survives_delete: Option<bool>,
    /// Tokens went on growing after a restart.
    pub token_survives_restart: Option<bool>,
    /// Tokens went on growing after acknowledged writes were lost.
    pub token_survives_loss: Option<bool>,
}

impl From<&Capabilities> for Promises {
    fn from(capabilities: &Capabilities) -> Self {
        let expiry = match capabilities.expiry {
            Expiry::Backend => "backend",
            Expiry::Observer => "observer",
            _ => "other",
        };
        let watch = match capabilities.watch {
            WatchScope::Nothing => "nothing",
            WatchScope::Releases => "releases",
            WatchScope::Changes => "changes",
            _ => "other",
        };
        Self {
            expiry: expiry.to_owned(),
            watch: watch.to_owned(),
            min_lease_ms: ms(capabilities.min_lease),
            lease_granularity_ms: ms(capabilities.lease_granularity),
            max_expiry_lag_ms: ms(capabilities.max_expiry_lag),
            keeps_released_elections: capabilities.keeps_released_elections,
            token_survives_delete: capabilities.token_survives_delete,
            token_survives_restart: capabilities.token_survives_restart,
            token_survives_loss: capabilities.token_survives_loss,
        }
    }
}

impl Promises {
    /// Returns what it lacks of the core profile, which is the capabilities that rules need.
    #[must_use]
    pub fn lacks(&self) -> Vec<&'static str> {
        let profile = [
            (self.watch != "nothing", "a watch"),
            (self.token_survives_delete, "tokens that survive the deletion of a record"),
            (self.token_survives_restart, "tokens that survive a restart of the store"),
        ];
        profile.into_iter().filter(|(has, _)| !has).map(|(_, what)| what).collect()
    }
}

impl DriverInfo {
    /// Creates a driver of this name, without a version or a form.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: None, forms: Vec::new() }
    }

    /// Sets its version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Adds a form and what it declares. The only form of a driver has no name: `""`.
    #[must_use]
    pub fn with_form(mut self, name: impl Into<String>, capabilities: &Capabilities) -> Self {
        let declared = Promises::from(capabilities);
        let form = Form { name: name.into(), declared, observed: Observed::default() };
        self.forms.push(form);
        self
    }

    /// Returns what keeps the driver from the core profile. One form that declares all of it is
    /// enough.
    pub(super) fn lacks(&self) -> impl Iterator<Item = String> + use<> {
        let best = self.forms.iter().map(|form| form.declared.lacks()).min_by_key(Vec::len);
        let unknown =
            best.is_none().then(|| "the capabilities of the driver were not given".to_owned());
        let lacks = best.unwrap_or_default().into_iter();
        unknown.into_iter().chain(lacks.map(|what| format!("the driver does not declare {what}")))
    }

    pub(super) fn add(&mut self, other: Self) {
        self.version = self.version.take().or(other.version);
        for form in other.forms {
            match self.forms.iter_mut().find(|known| known.name == form.name) {
                Some(known) => known.observed.add(form.observed),
                None => self.forms.push(form),
            }
        }
    }
}

impl Observed {
    fn add(&mut self, other: Self) {
        let worse = |a: Option<bool>, b: Option<bool>| match (a, b) {
            (Some(a), Some(b)) => Some(a && b),
            (a, b) => a.or(b),
        };
        self.watch = self.watch.take().or(other.watch);
        self.max_expiry_lag_ms = match (self.max_expiry_lag_ms, other.max_expiry_lag_ms) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        self.token_survives_delete = worse(self.token_survives_delete, other.token_survives_delete);
        self.token_survives_restart =
            worse(self.token_survives_restart, other.token_survives_restart);
        self.token_survives_loss = worse(self.token_survives_loss, other.token_survives_loss);
    }
}

/// A server that a driver was tested on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Its name, such as `kube-apiserver`.
    pub name: String,
    /// Its version, where it is known.
    pub version: Option<String>,
}

impl ServerInfo {
    /// Parses the text of [`Harness::server`]: the version is the last word.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (name, version) = match text.trim().rsplit_once(' ') {
            Some((name, version)) if version.contains(|c: char| c.is_ascii_digit()) => {
                (name.trim(), Some(version.to_owned()))
            }
            _ => (text.trim(), None),
        };
        Self { name: name.to_owned(), version }
    }
}

impl fmt::Display for ServerInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.version {
            Some(version) => write!(f, " {version}"),
            None => Ok(()),
        }
    }
}

/// The abilities of a harness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct Equipment {
    /// It edits records, as an operator does.
    pub operator: bool,
    /// It stops and starts the server.
    pub server_control: bool,
    /// It puts a proxy between the server and the driver.
    pub proxy: bool,
    /// It runs candidates in processes of their own.
    pub processes: bool,
}

impl Equipment {
    /// Returns the abilities of this harness.
    #[must_use]
    pub fn of(harness: &dyn Harness) -> Self {
        Self {
            operator: harness.operator().is_some(),
            server_control: harness.server_control().is_some(),
            proxy: harness.address().is_some(),
            processes: harness.environment().is_some(),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.operator |= other.operator;
        self.server_control |= other.server_control;
        self.proxy |= other.proxy;
        self.processes |= other.processes;
    }
}
