//! The program of a server: a file of this machine, or in an image.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use control_plane::child_guard::ChildGuard;

use crate::docker::{self, Image};
use crate::running::Running;
use crate::way::{Way, non_empty};

/// A kind of server, and where its program comes from.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The name of the program.
    pub(crate) name: &'static str,
    /// The variable that names the image.
    pub(crate) variable: &'static str,
    /// The image that is used if the variable is not set.
    pub(crate) image: &'static str,
    /// Finds the program on this machine.
    pub(crate) local: fn() -> Result<PathBuf>,
    /// What to provide if there is none.
    pub(crate) advice: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) enum Program {
    File { name: &'static str, path: PathBuf },
    Image(Image),
}

impl Kind {
    /// Returns the program: in a container if a Docker engine answers and has the image, else the one
    /// of this machine.
    pub(crate) fn program(&self) -> Result<Program> {
        match Way::forced()? {
            Some(Way::Docker) => self.in_image(),
            Some(Way::Binary) => self.in_file().context(self.advice),
            Some(Way::Url) => bail!(
                "the test needs a {} of its own, and DSYNC_TEST_WAY=url does not allow one",
                self.name
            ),
            None => self.in_image().or_else(|no_image| {
                let file =
                    self.in_file().with_context(|| format!("{} ({no_image:#})", self.advice))?;
                note(&format!("{} runs outside of a container: {no_image:#}", self.name));
                Ok(file)
            }),
        }
    }

    fn in_image(&self) -> Result<Program> {
        docker::engine()?;
        let name = non_empty(self.variable).unwrap_or_else(|| self.image.to_owned());
        Image::find(&name, self.name).map(Program::Image)
    }

    fn in_file(&self) -> Result<Program> {
        Ok(Program::File { name: self.name, path: (self.local)()? })
    }
}

/// Prints a note, once per process.
fn note(text: &str) {
    static PRINTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut printed = PRINTED.lock().unwrap_or_else(PoisonError::into_inner);
    if printed.insert(text.to_owned()) {
        eprintln!("note: {text}");
    }
}

impl Program {
    pub(crate) fn way(&self) -> Way {
        match self {
            Self::File { .. } => Way::Binary,
            Self::Image(_) => Way::Docker,
        }
    }

    /// Starts it, with `folder` for its data.
    pub(crate) fn start(&self, arguments: &[String], folder: &Path, log: &Path) -> Result<Running> {
        Ok(match self {
            Self::File { name, path } => {
                Running::Process(ChildGuard::start(name, path, arguments, log)?)
            }
            Self::Image(image) => Running::Container(image.start(arguments, folder, log)?),
        })
    }

    /// Returns the version that it prints behind `mark`.
    pub(crate) fn version(&self, mark: &str) -> Result<String> {
        let text = match self {
            Self::File { path, .. } => {
                let output = Command::new(path).arg("--version").output();
                let output = output.with_context(|| format!("failed to run {}", path.display()))?;
                String::from_utf8_lossy(&output.stdout).into_owned()
            }
            Self::Image(image) => image.version().to_owned(),
        };
        let version = text.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next());
        let version = version
            .with_context(|| format!("{self:?} prints no {mark:?} for --version: {text:?}"))?;
        Ok(version.to_owned())
    }
}

/// Returns the program `name` on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
