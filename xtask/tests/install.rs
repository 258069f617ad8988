//! Tests `install.sh` with a package manager, an `id` and a `sudo` that only record their
//! arguments.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The programs of the system that the script may use.
const TOOLS: &[&str] = &["cat", "env", "flock", "grep", "mktemp", "rm", "setsid", "sh", "tail"];

/// A machine with only the programs that the test provides.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// Creates a machine with the package manager `manager`, which installs packages unless
    /// `fails`.
    fn new(manager: &str, user: u32, fails: bool) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir_all(machine.bin()).unwrap();
        for tool in TOOLS {
            let real = ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(tool));
            // macOS has no `flock`, and the script works without it.
            if let Some(real) = real.into_iter().find(|path| path.exists()) {
                symlink(real, machine.bin().join(tool)).unwrap();
            }
        }
        let outcome = if fails {
            "echo no network; exit 100".to_owned()
        } else {
            // Every package in the tests installs all programs that they request.
            format!(
                "for p in cc redis-server go; do echo > {0}/$p; /bin/chmod +x {0}/$p; done",
                machine.bin().display()
            )
        };
        machine.put(manager, &format!("case \"$*\" in *install*) {outcome} ;; esac"));
        machine.put("id", &format!("echo {user}"));
        // The real programs would write to a system directory.
        machine.put("tee", "cat >/dev/null");
        machine.put("chmod", "");
        machine
    }

    /// Adds a `sudo` that needs no password.
    fn with_sudo(self) -> Self {
        self.put("sudo", "shift; \"$@\"");
        self
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// Adds a program that records its name and arguments, and then runs `script`.
    fn put(&self, name: &str, script: &str) {
        let path = self.bin().join(name);
        let calls = self.folder.path().join("calls");
        let log = format!("echo \"{name} $*\" >> {}", calls.display());
        fs::write(&path, format!("#!/bin/sh\n{log}\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the script. Returns its exit status and output.
    fn install(&self, programs: &[&str]) -> (i32, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh");
        let Output { status, stderr, .. } =
            Command::new(script).args(programs).env("PATH", self.bin()).output().unwrap();
        (status.code().unwrap(), String::from_utf8_lossy(&stderr).into_owned())
    }

    /// Runs the linker of the workspace. Returns whether it succeeded.
    fn link(&self, arguments: &[&str]) -> bool {
        let linker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.cargo/cc");
        // Without a terminal, which the linker would write to.
        let mut command = Command::new("/usr/bin/setsid");
        command
            .args(["--wait", &linker.to_string_lossy()])
            .args(arguments)
            .env("PATH", self.bin())
            .output()
            .unwrap()
            .status
            .success()
    }

    /// Returns the calls of the package manager, in order.
    fn calls(&self, manager: &str) -> Vec<String> {
        let calls = fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|call| call.starts_with(manager)).map(str::to_owned).collect()
    }
}

#[test]
fn root_installs_what_is_missing_and_says_so_in_one_line() {
    let machine = Machine::new("apt-get", 0, false);
    machine.put("redis-server", "");
    let (status, output) = machine.install(&["cc", "redis-server", "go"]);
    assert_eq!(
        (status, output.as_str()),
        (0, "installing cc go: apt-get install build-essential golang-go\n")
    );
    let calls = machine.calls("apt-get");
    assert!(calls[0].ends_with("update"), "{calls:?}");
    assert!(
        calls[1].ends_with("install --no-install-recommends build-essential golang-go"),
        "{calls:?}"
    );
    assert_eq!(machine.install(&["cc", "go"]), (0, String::new()));
    assert_eq!(machine.calls("apt-get").len(), 2);
}

#[test]
fn a_user_who_needs_no_password_installs_through_sudo() {
    let machine = Machine::new("dnf", 1000, false).with_sudo();
    let (status, output) = machine.install(&["cc"]);
    assert_eq!((status, output.as_str()), (0, "installing cc: sudo -n dnf install gcc\n"));
    assert_eq!(machine.calls("sudo"), ["sudo -n true", "sudo -n dnf install -y gcc"]);
}

#[test]
fn elsewhere_the_command_is_printed_and_nothing_is_run() {
    for (manager, user, line) in [
        (
            "apt-get",
            1000,
            "missing: redis-server go; run: sudo apt-get install redis-server golang-go\n",
        ),
        (
            "dnf",
            1000,
            "missing: redis-server go; run: sudo dnf install /usr/bin/redis-server golang\n",
        ),
        ("brew", 501, "missing: redis-server go; run: brew install redis go\n"),
        (
            "pacman",
            0,
            "missing: redis-server go; install them with the package manager of this system\n",
        ),
    ] {
        let machine = Machine::new(manager, user, false);
        assert_eq!(machine.install(&["redis-server", "go"]), (3, line.to_owned()));
        assert_eq!(machine.calls(manager), [""; 0]);
    }
}

#[test]
fn a_failed_installation_shows_its_reason_and_the_command() {
    let machine = Machine::new("apt-get", 0, true);
    let (status, output) = machine.install(&["redis-server"]);
    assert_eq!(status, 1);
    assert!(output.contains("no network\n"), "{output}");
    assert!(output.ends_with("run: apt-get install redis-server\n"), "{output}");
}

#[test]
fn a_package_without_the_program_is_an_error() {
    let machine = Machine::new("apt-get", 0, false);
    let (status, output) = machine.install(&["redis-sentinel"]);
    assert_eq!(status, 1);
    assert!(output.contains("redis-sentinel is not on PATH"), "{output}");
}

#[test]
fn the_linker_installs_a_compiler_and_calls_it() {
    let machine = Machine::new("apt-get", 0, false);
    assert!(machine.link(&["-o", "program"]));
    assert_eq!(machine.calls("apt-get").len(), 2);
    machine.put("cc", "");
    assert!(machine.link(&["-o", "program"]));
    assert_eq!(machine.calls("cc"), ["cc -o program"]);
    assert_eq!(machine.calls("apt-get").len(), 2);
}

#[test]
fn the_linker_fails_where_no_compiler_may_be_installed() {
    let machine = Machine::new("apt-get", 1000, false);
    assert!(!machine.link(&["-o", "program"]));
    assert_eq!(machine.calls("apt-get"), [""; 0]);
}
