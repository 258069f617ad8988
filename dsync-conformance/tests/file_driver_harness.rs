//! More rules for the driver of `WRITE-A-DRIVER.md`: those that need an operator.
//! Without `only`, all rules are run, with candidates in processes of their own as well.

#[path = "../examples/file_driver/lib.rs"]
pub mod file_driver;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use dsync::driver::{Driver, Key, KeyKind};
use dsync::{Error, ErrorKind, Result, async_trait};
use dsync_conformance::Harness;
use dsync_conformance::harness::{Operator, Via};
use file_driver::FileDriver;

/// Where the folder is, for the processes that the suite starts.
const FOLDER: &str = "FILE_DRIVER_FOLDER";

#[derive(Clone, Debug)]
struct Site {
    folder: PathBuf,
}

#[async_trait]
impl Harness for Site {
    async fn connect(&self, _: Via) -> Result<Arc<dyn Driver>> {
        Ok(Arc::new(FileDriver::open(&self.folder).await?))
    }

    fn operator(&self) -> Option<Arc<dyn Operator>> {
        Some(Arc::new(self.clone()))
    }

    fn environment(&self) -> Option<Vec<(String, String)>> {
        Some(vec![(FOLDER.to_owned(), self.folder.to_str()?.to_owned())])
    }
}

impl Site {
    fn file(&self, key: &Key) -> PathBuf {
        let kind = if key.kind() == KeyKind::Lock { "locks" } else { "elections" };
        self.folder.join(kind).join(key.namespace()).join(key.name())
    }

    /// Edits a file as `sed -i` does; where there is none, there is nothing to edit.
    fn edit(&self, key: &Key, change: impl FnOnce(String) -> String) -> Result<()> {
        static EDITING: Mutex<()> = Mutex::new(());
        let _one_at_a_time = EDITING.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, new) = (self.file(key), self.folder.join("edited"));
        let edit = || fs::write(&new, change(fs::read_to_string(&file)?));
        absent_is_fine(edit().and_then(|()| fs::rename(&new, &file)))
    }
}

fn absent_is_fine(result: io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::ambiguous(ErrorKind::Internal, error.to_string()))
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl Operator for Site {
    async fn delete(&self, key: &Key) -> Result<()> {
        absent_is_fine(fs::remove_file(self.file(key)))
    }

    async fn empty(&self, key: &Key) -> Result<()> {
        self.edit(key, |text| text.split("holder ").next().unwrap_or_default().to_owned())
    }

    async fn overwrite(&self, key: &Key, holder: &str, duration: Duration) -> Result<()> {
        self.edit(key, |text| {
            let mut lines: Vec<_> = text.lines().take(2).map(str::to_owned).collect();
            lines.push(format!("duration_ms {}", duration.as_millis()));
            lines.push(format!("holder {holder}"));
            lines.join("\n")
        })
    }

    async fn touch(&self, _: &Key) -> Result<bool> {
        // All that a record has is dsync's.
        Ok(false)
    }

    async fn left_over(&self, key: &Key) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.file(key)).unwrap_or_default();
        let is_vacant = key.kind() == KeyKind::Election && !text.contains("holder ");
        Ok(if text.is_empty() || is_vacant { Vec::new() } else { vec![text] })
    }
}

fn main() -> io::Result<std::process::ExitCode> {
    let own = tempfile::tempdir()?;
    let folder = std::env::var_os(FOLDER).map_or_else(|| own.path().to_owned(), PathBuf::from);
    let suite = dsync_conformance::suite_of("file", Site { folder });
    Ok(suite.only(&["1.05", "1.09", "1.12", "3.03"]).run())
}
