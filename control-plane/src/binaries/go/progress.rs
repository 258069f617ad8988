//! The progress of a run of `go`, from its output.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const REPORT_EVERY: Duration = Duration::from_secs(15);

/// Reports from time to time how far the build is, until its output ends. Returns the last lines of the
/// output.
///
/// # Errors
/// When the output stalls for longer than `stall`.
pub(super) fn follow(
    what: &str,
    output: impl Read + Send + 'static,
    stall: Duration,
    report: fn(&str),
) -> Result<String> {
    const LAST: usize = 20;
    let started = Instant::now();
    let mut last_line = started;
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let mut next_report = started + REPORT_EVERY.min(stall);
    let mut progress = Progress::default();
    let mut last = VecDeque::with_capacity(LAST);
    loop {
        match lines.recv_timeout(next_report.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                last_line = Instant::now();
                progress.saw(&line);
                if last.len() == LAST {
                    last.pop_front();
                }
                last.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                if last_line.elapsed() > stall {
                    let seconds = last_line.elapsed().as_secs();
                    bail!("no output for {seconds} s; {}", progress.describe());
                }
                let seconds = started.elapsed().as_secs();
                report(&format!("{what}: {seconds} s, {}", progress.describe()));
                next_report = Instant::now() + REPORT_EVERY.min(stall);
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(Vec::from(last).join("\n")),
        }
    }
}

/// What `go build -v` has printed: a line for each download and for each package.
#[derive(Default)]
struct Progress {
    downloads: usize,
    packages: usize,
    package: String,
}

impl Progress {
    fn saw(&mut self, line: &str) {
        if line.starts_with("go: downloading ") {
            self.downloads += 1;
        } else if !line.contains(char::is_whitespace) {
            self.packages += 1;
            line.clone_into(&mut self.package);
        }
    }

    fn describe(&self) -> String {
        let Self { downloads, packages, package } = self;
        if *packages == 0 {
            format!("{downloads} modules downloaded")
        } else {
            format!("{packages} packages compiled, last {package}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn an_output_that_stalls_is_given_up() {
        let (mut go, output) = UnixStream::pair().unwrap();
        writeln!(go, "some/package").unwrap();
        let error = follow("building", output, Duration::from_millis(50), |_| {}).unwrap_err();
        assert!(error.to_string().contains("last some/package"), "{error}");
        drop(go);
    }

    #[test]
    fn the_last_lines_are_returned() {
        let output = b"go: downloading a v1\nfirst\nsecond\n";
        let printed = follow("building", &output[..], Duration::from_secs(60), |_| {}).unwrap();
        assert_eq!(printed, "go: downloading a v1\nfirst\nsecond");
    }
}
