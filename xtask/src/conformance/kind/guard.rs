//! Deletes the kind cluster at the end, even if this program is killed.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{NAME, Programs};

/// Deletes the cluster on request, and also when this program ends in any other way, such as by
/// Ctrl-C or a kill. The script is a separate process that waits for a line or the end of its
/// stdin, whose other end only this program holds. If stdin ends without a line, a node may just be
/// in creation, so the script deletes the cluster twice.
const SCRIPT: &str = r#"
trap '' INT HUP TERM
delete() { kind delete cluster --name "$1" --kubeconfig "$2" >/dev/null; }
read -r _ || { delete "$@"; sleep 3; }
delete "$@"
"#;

/// The process that runs [`SCRIPT`].
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
}

impl Guard {
    pub(super) fn new(programs: &Programs, kubeconfig: &Path) -> Result<Self> {
        let mut command = programs.command("/bin/sh");
        command.args(["-c", SCRIPT, "sh", NAME]).arg(kubeconfig);
        // A separate process group, which Ctrl-C in a terminal does not interrupt.
        command.stdin(Stdio::piped()).process_group(0);
        let child = command.spawn().context("failed to run /bin/sh")?;
        Ok(Self { child })
    }

    /// Deletes the cluster now.
    pub(super) fn end(mut self) -> Result<()> {
        if let Some(mut stdin) = self.child.stdin.take() {
            use std::io::Write as _;
            // If the script has already exited, its exit code shows whether it failed.
            let _ = stdin.write_all(b"now\n");
        }
        let status = self.child.wait().context("failed to wait for kind")?;
        if !status.success() {
            bail!(
                "the kind cluster {NAME} could not be deleted: run `kind delete cluster --name {NAME}`"
            );
        }
        Ok(())
    }
}
