//! The tests use scripts in place of the programs, which fail as the real ones do.

use std::time::Instant;

use super::*;
use crate::scratch::Folder;

/// Scripts for a Docker that works, and for a kind without a cluster.
const DOCKER: &str = "exit 0";
const KIND: &str = r#"
case "$1 $2" in
  "get clusters") cat "$DIR/clusters" ;;
  "get kubeconfig") echo "of what was there" ;;
  "create cluster") echo made >>"$DIR/clusters"; while [ $# -gt 0 ]; do
    case $1 in --kubeconfig) echo "of what was made" >"$2" ;; esac; shift; done ;;
  "delete cluster") : >"$DIR/clusters" ;;
esac
"#;

struct Stage {
    folder: Folder,
    programs: Programs,
}

impl Stage {
    /// Creates programs from names and scripts. Each logs its arguments.
    fn new(programs: &[(&str, &str)]) -> Self {
        let folder = Folder::new("kind");
        let bin = folder.path.join("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(folder.path.join("clusters"), "").unwrap();
        for (name, script) in programs {
            let file = bin.join(name);
            let dir = folder.path.display();
            let text =
                format!("#!/bin/sh\nDIR='{dir}'\necho \"{name} $*\" >>\"$DIR/log\"\n{script}\n");
            write_program(&file, &text);
        }
        for tool in ["cat", "sleep"] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.iter().find(|file| file.exists()).unwrap();
            std::os::unix::fs::symlink(found, bin.join(tool)).unwrap();
        }
        let programs = Programs {
            path: Some(bin.into()),
            engine: "docker".to_owned(),
            engine_limit: Duration::from_secs(20),
            folder: folder.path.join("files"),
        };
        Self { folder, programs }
    }

    fn error(&self, image: Option<&str>) -> String {
        format!("{:#}", find(&self.programs, image).unwrap_err())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path.join("log")).unwrap_or_default()
    }

    fn clusters(&self) -> String {
        fs::read_to_string(self.folder.path.join("clusters")).unwrap()
    }
}

/// Writes the file in another process. If this process wrote it, a child that another test starts
/// at that moment would inherit the open file, and the program could not run until the child exits.
fn write_program(file: &Path, text: &str) {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"printf %s "$2" >"$1" && chmod 755 "$1""#, "sh"]).arg(file).arg(text);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_missing_kind_is_named() {
    let error = Stage::new(&[("docker", DOCKER)]).error(None);
    for part in ["kind is not on PATH", "go install", "--cluster local"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn a_missing_engine_is_named() {
    let kind = "echo 'ERROR: failed to list clusters: no engine' >&2; exit 1";
    let error = Stage::new(&[("kind", kind)]).error(None);
    for part in ["docker is not on PATH", "install it", "--cluster local"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_engine_that_does_not_answer_is_named() {
    let kind = "echo 'ERROR: failed to list clusters' >&2; exit 1";
    let docker = "echo Client: 29; echo 'Cannot connect to the Docker daemon at /s.' >&2; exit 1";
    let error = Stage::new(&[("kind", kind), ("docker", docker)]).error(None);
    for part in ["does not answer: Cannot connect to the Docker daemon at /s", "systemctl start"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn an_engine_that_hangs_is_named() {
    let hangs = "exec sleep 600";
    let mut stage = Stage::new(&[("kind", hangs), ("docker", hangs)]);
    stage.programs.engine_limit = Duration::from_millis(200);
    let error = stage.error(None);
    assert!(error.contains("`docker version` did not answer within 200ms"), "{error}");
}

#[test]
fn an_image_that_cannot_be_had_is_named() {
    let docker = r#"case $1 in
      image) exit 1 ;;
      pull) echo "Error: dial tcp: lookup registry" >&2; exit 1 ;;
    esac"#;
    let stage = Stage::new(&[("kind", KIND), ("docker", docker)]);
    let error = stage.error(Some("kindest/node:v9"));
    for part in ["no image kindest/node:v9", "dial tcp", "--kind-image", "--cluster local"] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!stage.log().contains("create"), "{}", stage.log());
}

#[test]
fn the_image_of_kinds_own_choice_may_be_missing_as_well() {
    let kind = r#"case "$1" in
      create) echo 'ERROR: failed to create cluster: failed to pull image "kindest/node:v1": x' >&2
        echo 'Stack Trace: …' >&2; exit 1 ;;
    esac"#;
    let stage = Stage::new(&[("kind", kind), ("docker", DOCKER)]);
    let error = stage.error(None);
    for part in ["--kind-image", "failed to pull image \"kindest/node:v1\": x"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_was_half_made_is_deleted() {
    let kind = r#"case "$1 $2" in
      "create cluster") echo made >"$DIR/clusters"; echo 'ERROR: node 2 did not start' >&2; exit 1 ;;
      "delete cluster") : >"$DIR/clusters" ;;
    esac"#;
    let stage = Stage::new(&[("kind", kind), ("docker", DOCKER)]);
    let error = stage.error(None);
    assert!(error.contains("could not create the cluster: ERROR: node 2"), "{error}");
    assert_eq!(stage.clusters(), "");
}

#[test]
fn what_was_made_is_deleted() {
    let stage = Stage::new(&[("kind", KIND), ("docker", DOCKER)]);
    let made = find(&stage.programs, Some("some/image")).unwrap();
    let kubeconfig = made.kubeconfig().to_owned();
    assert_eq!(fs::read_to_string(&kubeconfig).unwrap(), "of what was made\n");
    assert_eq!(stage.clusters(), "made\n");
    let log = stage.log();
    let create = log.lines().find(|line| line.starts_with("kind create")).unwrap();
    for part in ["--name dsync-conformance", "--image some/image", "--config", "--wait"] {
        assert!(create.contains(part), "{create}");
    }
    made.end().unwrap();
    assert_eq!(stage.clusters(), "");
    assert!(!kubeconfig.exists());
}

/// As when this program is killed: stdin ends without a line for the guard.
#[test]
fn a_created_cluster_is_deleted_if_this_program_is_killed() {
    let stage = Stage::new(&[("kind", KIND), ("docker", DOCKER)]);
    drop(find(&stage.programs, None).unwrap());
    let started = Instant::now();
    while stage.log().matches("kind delete").count() < 2 {
        assert!(started.elapsed() < Duration::from_secs(60), "{}", stage.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(stage.clusters(), "");
}

#[test]
fn an_existing_cluster_is_kept() {
    let stage = Stage::new(&[("kind", KIND), ("docker", DOCKER)]);
    let clusters = format!("other\n{NAME}\n");
    fs::write(stage.folder.path.join("clusters"), &clusters).unwrap();
    let found = find(&stage.programs, Some("some/image")).unwrap();
    assert_eq!(fs::read_to_string(found.kubeconfig()).unwrap(), "of what was there\n");
    found.end().unwrap();
    assert_eq!(stage.clusters(), clusters);
    assert!(!stage.log().contains("create") && !stage.log().contains("delete"), "{}", stage.log());
}
