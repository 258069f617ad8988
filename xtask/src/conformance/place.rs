//! The directory for the parts of reports, until they are merged.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The directory `parts` next to the reports. It has a directory for each driver, and one for the
/// results of the self-test.
#[derive(Debug)]
pub(super) struct Place {
    parts: PathBuf,
    report: PathBuf,
}

/// The directory for the lists of killed mutants.
const KILLS: &str = "kills";

impl Place {
    /// Creates the directory, and removes the parts of an earlier run.
    pub(super) fn make(report: &Path) -> Result<Self> {
        let parts = report.join("parts");
        let make = || {
            if parts.exists() {
                fs::remove_dir_all(&parts)?;
            }
            fs::create_dir_all(&parts)
        };
        make().with_context(|| format!("failed to clear and make {}", parts.display()))?;
        Ok(Self { parts, report: report.to_owned() })
    }

    /// Returns the directory for the parts of a driver.
    pub(super) fn of(&self, driver: &str) -> Result<PathBuf> {
        self.folder(driver)
    }

    /// Returns the directory for the lists of killed mutants.
    pub(super) fn of_kills(&self) -> Result<PathBuf> {
        self.folder(KILLS)
    }

    /// Returns the directory for schedules that violate a rule.
    pub(super) fn failures(&self) -> PathBuf {
        self.report.join("failures")
    }

    /// Returns all parts of a driver's report.
    pub(super) fn parts(&self, driver: &str) -> Result<Vec<PathBuf>> {
        self.files(driver)
    }

    /// Returns the lists of killed mutants.
    pub(super) fn kills(&self) -> Result<Vec<PathBuf>> {
        self.files(KILLS)
    }

    fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.parts.join(name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("failed to make {}", folder.display()))?;
        Ok(folder)
    }

    /// The JSON files in a folder, in the order of names.
    fn files(&self, name: &str) -> Result<Vec<PathBuf>> {
        let folder = self.folder(name)?;
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("failed to list {}", folder.display()))?;
        let mut files: Vec<PathBuf> =
            entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort();
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_earlier_run_are_gone() {
        let folder = crate::scratch::Folder::new("place");
        let place = Place::make(&folder.path).unwrap();
        let write = |folder: Result<PathBuf>, name: &str| {
            fs::write(folder.unwrap().join(name), "{}").unwrap();
        };
        write(place.of("mock"), "b.json");
        write(place.of("mock"), "a.json");
        write(place.of("mock"), "log.txt");
        write(place.of_kills(), "cores.json");
        let names = |files: Vec<PathBuf>| {
            let name = |file: PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
            files.into_iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names(place.parts("mock").unwrap()), ["a.json", "b.json"]);
        assert_eq!(names(place.kills().unwrap()), ["cores.json"]);
        assert!(place.parts("kube").unwrap().is_empty());

        let place = Place::make(&folder.path).unwrap();
        assert!(place.parts("mock").unwrap().is_empty());
    }
}
