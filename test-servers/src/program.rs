//! The program of a server: a file on this machine, or what is in an image.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use control_plane::child_guard::ChildGuard;

use crate::docker::{self, Image};
use crate::running::Running;
use crate::way::{Way, non_empty};

/// A kind of server, and where its program comes from.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The program's name.
    pub(crate) name: &'static str,
    /// The variable that names the image.
    pub(crate) variable: &'static str,
    /// The image that is used where that is not set.
    pub(crate) image: &'static str,
    /// Finds the program on this machine.
    pub(crate) local: fn() -> Result<PathBuf>,
    /// What to provide where there is none.
    pub(crate) advice: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) enum Program {
    File { name: &'static str, path: PathBuf },
    Image(Image),
}

impl Kind {
    /// The program: in a container if a Docker engine answers and its image can be had, else on this
    /// machine.
    pub(crate) fn program(&self) -> Result<Program> {
        let forced = Way::forced()?;
        let in_image = || {
            docker::engine()?;
            let name = non_empty(self.variable).unwrap_or_else(|| self.image.to_owned());
            Image::find(&name, self.name).map(Program::Image)
        };
        let in_file = || (self.local)().map(|path| Program::File { name: self.name, path });
        match forced {
            Some(Way::Docker) => in_image(),
            Some(Way::Binary) => in_file().context(self.advice),
            Some(Way::Url) => Err(anyhow::anyhow!(
                "this takes a server of its own, and DSYNC_TEST_WAY=url allows none"
            )),
            None => in_image().or_else(|no_image| {
                in_file().with_context(|| format!("{} ({no_image:#})", self.advice))
            }),
        }
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
                Running::process(ChildGuard::start(name, path, arguments, log)?)
            }
            Self::Image(image) => Running::container(image.start(arguments, folder, log)?),
        })
    }

    /// The version that it tells, behind `mark`.
    pub(crate) fn version(&self, mark: &str) -> Result<String> {
        let text = match self {
            Self::File { path, .. } => {
                let output = Command::new(path).arg("--version").output();
                let output = output.with_context(|| format!("failed to run {}", path.display()))?;
                String::from_utf8_lossy(&output.stdout).into_owned()
            }
            Self::Image(image) => image.output("--version")?,
        };
        let version = text.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next());
        let version =
            version.with_context(|| format!("{self:?} tells {text:?} for its version"))?;
        Ok(version.to_owned())
    }
}

/// The program `name` on PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
