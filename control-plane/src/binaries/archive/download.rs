//! A download that ends: within its limits, and with the bytes that were pinned or an error.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha512};

use super::Archive;

const REPORT_EVERY: Duration = Duration::from_secs(5);
const MEGABYTE: u64 = 1_000_000;

/// Downloads the archive into an unnamed file in `dir` and returns it, at its start, once its checksum
/// has been verified. The kernel removes the file when it is closed, even if the process is killed.
pub(super) fn verified(
    archive: &Archive,
    sha512: &str,
    dir: &Path,
    report: fn(&str),
) -> Result<File> {
    let url = archive.url();
    let mut file = tempfile::tempfile_in(dir)
        .with_context(|| format!("could not create a file in {}", dir.display()))?;
    report(&format!("downloading {url}"));
    let failed = || format!("could not download {url}");
    let answer = archive.agent(archive.limits.total).get(url).call().with_context(failed)?;
    let found = copy(archive, answer, &mut file, report).with_context(failed)?;
    if found != sha512 {
        bail!(
            "CHECKSUM MISMATCH: {url} has the SHA-512 {found}, but {sha512} is pinned. The file is \
             damaged or has been replaced on its way; it is not used"
        );
    }
    file.rewind().context("could not read the downloaded archive")?;
    Ok(file)
}

/// Writes the body of the answer to `file` and returns its SHA-512 in hexadecimal digits.
fn copy(
    archive: &Archive,
    answer: ureq::http::Response<ureq::Body>,
    file: &mut File,
    report: fn(&str),
) -> Result<String> {
    let limits = &archive.limits;
    let length = answer.body().content_length();
    if let Some(length) = length.filter(|length| *length > limits.size) {
        bail!("it has {length} bytes, and {} are the limit", limits.size);
    }
    let mut body = answer.into_body().into_reader();
    let mut digest = Sha512::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut received = 0_u64;
    let started = Instant::now();
    let mut next_report = started + REPORT_EVERY;
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("it broke off after {received} bytes"));
            }
        };
        digest.update(&buffer[..count]);
        file.write_all(&buffer[..count]).context("could not write the archive")?;
        received += count as u64;
        if received > limits.size {
            bail!("it has more than {} bytes, which are the limit", limits.size);
        }
        let elapsed = started.elapsed();
        // A server that sends a byte now and then keeps within the limit of each read.
        if elapsed > limits.read && received < elapsed.as_secs().saturating_mul(limits.speed) {
            bail!("it is too slow: {received} bytes in {} s", elapsed.as_secs());
        }
        if Instant::now() >= next_report {
            let of = length.map(|length| format!(" of {}", length / MEGABYTE)).unwrap_or_default();
            report(&format!("downloading: {}{of} MB", received / MEGABYTE));
            next_report = Instant::now() + REPORT_EVERY;
        }
    }
    Ok(hexadecimal(&digest.finalize()))
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
