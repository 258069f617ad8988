//! Two instances elect a leader through a folder.
//!
//! ```text
//! cargo run -p dsync-conformance --example file_driver
//! ```
//!
//! `WRITE-A-DRIVER.md` shows how its driver is made.
#![allow(clippy::print_stdout, reason = "a program that talks")]

#[path = "file_driver/lib.rs"]
pub mod file_driver;

use dsync::Dsync;
use file_driver::FileDriver;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let a = Dsync::new(FileDriver::open(folder.path()).await?, "a")?;
    let b = Dsync::new(FileDriver::open(folder.path()).await?, "b")?;

    let first = a.election("report")?;
    let term = first.elected().await?;
    println!("a leads, with the fencing token {}", term.fencing_token());
    let file = folder.path().join("elections/default").join("unscoped.election.report");
    println!("{}", std::fs::read_to_string(file)?);

    let second = b.election("report")?;
    a.shutdown().await;
    let next = second.elected().await?;
    println!("b leads, with the fencing token {}", next.fencing_token());
    b.shutdown().await;
    Ok(())
}
