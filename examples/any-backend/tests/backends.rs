//! The program on each backend: it leads, hands over when it is interrupted, and reports what is wrong
//! with a URL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use anyhow::Result;
use control_plane::ControlPlane;
use libtest_mimic::{Arguments, Trial};
use rustix::process::{Pid, Signal, kill_process};
use test_servers::{EtcdOptions, RedisOptions, Server};

/// A server that has to outlive the test, its URL, and a kubeconfig.
struct Backend {
    url: String,
    kubeconfig: Option<String>,
    _server: Option<Server>,
    _control_plane: Option<ControlPlane>,
}

impl Backend {
    fn of(server: Server) -> Self {
        let url = server.url().to_owned();
        Self { url, kubeconfig: None, _server: Some(server), _control_plane: None }
    }
}

fn redis() -> Result<Backend> {
    Ok(Backend::of(test_servers::redis(&RedisOptions::default())?))
}

fn etcd() -> Result<Backend> {
    Ok(Backend::of(test_servers::etcd(&EtcdOptions::default())?))
}

fn kube() -> Result<Backend> {
    let url = format!("kube://default?scope=any-backend-{}", std::process::id());
    let mut own = None;
    let kubeconfig = if let Ok(named) = std::env::var("DSYNC_TEST_KUBECONFIG") {
        named
    } else {
        let started = ControlPlane::start(control_plane::Options::default())?;
        own.insert(started).kubeconfig().display().to_string()
    };
    let kubeconfig = Some(kubeconfig);
    Ok(Backend { url, kubeconfig, _server: None, _control_plane: own })
}

/// The program, which is killed if the test fails.
struct Program(Child, BufReader<ChildStdout>);

impl Program {
    fn start(backend: &Backend, instance: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_any-backend"));
        command.arg(&backend.url).env("KUBE_POD_NAME", instance).stdout(Stdio::piped());
        if let Some(kubeconfig) = &backend.kubeconfig {
            command.env("KUBE_CONFIG_PATH", kubeconfig);
        }
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        Self(child, BufReader::new(output))
    }

    /// Returns the rest of the first line that begins with `with`.
    fn wait_for(&mut self, with: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.1.read_line(&mut line).unwrap(), 0, "it ended without {with:?}");
            if let Some(rest) = line.strip_prefix(with) {
                return rest.trim().to_owned();
            }
        }
    }

    fn interrupt(&mut self) {
        let id = Pid::from_child(&self.0);
        kill_process(id, Signal::INT).unwrap();
    }

    fn ends(&mut self) {
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // If the test has passed, the process has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hands_over(backend: &Backend) {
    let mut first = Program::start(backend, "a");
    let token: u64 = first.wait_for("leads with token ").parse().unwrap();
    let mut second = Program::start(backend, "b");
    second.wait_for("b is a candidate");
    first.interrupt();
    first.wait_for("leads no more");
    first.ends();
    let next: u64 = second.wait_for("leads with token ").parse().unwrap();
    assert!(next > token);
    second.interrupt();
    second.ends();
}

fn in_memory() {
    let backend = Backend {
        url: "mock://".to_owned(),
        kubeconfig: None,
        _server: None,
        _control_plane: None,
    };
    let mut alone = Program::start(&backend, "a");
    alone.wait_for("leads with token ");
    alone.interrupt();
    alone.ends();
}

fn wrong_urls() {
    for url in
        ["", "postgres://u:secret@host", "redis://:secret@:x", "etcd://secret@", "kube://a?b=c"]
    {
        let program = env!("CARGO_BIN_EXE_any-backend");
        let output = Command::new(program).arg(url).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{url}: {stderr}");
        assert!(stderr.contains("invalid") && !stderr.contains("secret"), "{url}: {stderr}");
    }
}

type Find = fn() -> Result<Backend>;

const BACKENDS: [(&str, Find); 3] = [("redis", redis), ("etcd", etcd), ("kube", kube)];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var("DSYNC_REQUIRE").is_ok_and(|what| what == "all");
    let mut trials = vec![
        Trial::test("mock", || {
            in_memory();
            Ok(())
        }),
        Trial::test("an_invalid_url_is_reported", || {
            wrong_urls();
            Ok(())
        }),
    ];
    for (name, find) in BACKENDS {
        let found = if arguments.list { Err(anyhow::anyhow!("only listing")) } else { find() };
        trials.push(match found {
            Ok(backend) => Trial::test(name, move || {
                hands_over(&backend);
                Ok(())
            }),
            Err(error) => {
                if !arguments.list {
                    println!("NOT RUN: any-backend on {name}: {error:#}");
                }
                let text = format!("{error:#}");
                let fails = required && !arguments.list;
                Trial::test(name, move || Err(text.into())).with_ignored_flag(!fails)
            }
        });
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
