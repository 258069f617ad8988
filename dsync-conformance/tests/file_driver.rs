//! The driver of `WRITE-A-DRIVER.md` keeps every rule, in real time, on a real folder.

#[path = "../examples/file_driver/lib.rs"]
pub mod file_driver;

use file_driver::FileDriver;

fn main() -> std::io::Result<std::process::ExitCode> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().to_owned();
    Ok(dsync_conformance::suite("file", move || FileDriver::open(path.clone())).run())
}
