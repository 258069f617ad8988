use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{NAME, Programs};

/// Deletes the cluster when it is told to, and also when this program ends in any other way:
/// Ctrl-C, or a kill. It is a process of its own that waits for the end of its stdin, whose other
/// end only we hold. One that is not told may come while a node is just being made, so it deletes
/// twice.
const SCRIPT: &str = r#"
trap '' INT HUP TERM
delete() { kind delete cluster --name "$1" --kubeconfig "$2" >/dev/null; }
read -r _ || { delete "$@"; sleep 3; }
delete "$@"
"#;

/// See [`SCRIPT`].
#[derive(Debug)]
pub(super) struct Guard {
    child: Child,
}

impl Guard {
    pub(super) fn new(programs: &Programs, kubeconfig: &Path) -> Result<Self> {
        let mut command = programs.command("/bin/sh");
        command.args(["-c", SCRIPT, "sh", NAME]).arg(kubeconfig);
        // Away from the group that a terminal interrupts.
        command.stdin(Stdio::piped()).process_group(0);
        let child = command.spawn().context("failed to run /bin/sh")?;
        Ok(Self { child })
    }

    /// Deletes the cluster now.
    pub(super) fn end(mut self) -> Result<()> {
        if let Some(mut stdin) = self.child.stdin.take() {
            use std::io::Write as _;
            // If it is gone already, its exit code tells.
            let _ = stdin.write_all(b"now\n");
        }
        let status = self.child.wait().context("failed to wait for kind")?;
        if !status.success() {
            bail!(
                "the kind cluster {NAME} could not be deleted: `kind delete cluster --name {NAME}`"
            );
        }
        Ok(())
    }
}
