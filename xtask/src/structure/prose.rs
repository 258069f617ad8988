//! The words and comments of a crate, and the sizes of its files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;

/// A file with fewer lines rarely needs to be separate.
const SHORT: usize = 25;

/// Words and phrases that do not belong in technical English. They are written in pieces because
/// this file is examined as well.
const FOREIGN: &[&str] = &[
    concat!("some", "body"),
    concat!("no", "body"),
    concat!("every", "body"),
    concat!("who", "ever"),
    concat!("what", "ever"),
    concat!("what ", "came of"),
    concat!("to", "ld"),
    concat!("te", "ll"),
    concat!("te", "lls"),
    concat!("he", "ar"),
    concat!("he", "ars"),
    concat!("mi", "ne"),
    concat!("ou", "rs"),
];

/// The figures on the texts of a crate. Files are named by their paths in it.
#[derive(Debug, Default)]
pub(super) struct Prose {
    pub(super) short: Vec<String>,
    pub(super) only_tests: Vec<String>,
    pub(super) words: BTreeMap<&'static str, usize>,
    /// Lines of comment and lines of code of each file that is not a test.
    pub(super) lines: BTreeMap<String, (usize, usize)>,
}

impl Prose {
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut prose = Self::default();
        prose.look(folder, folder)?;
        prose.short.sort();
        prose.only_tests.sort();
        Ok(prose)
    }

    /// Lines of comment for each line of code.
    #[expect(clippy::cast_precision_loss, reason = "no crate has so many lines")]
    pub(super) fn comments(&self) -> f64 {
        let (comments, code) = self
            .lines
            .values()
            .fold((0, 0), |sum, (comments, code)| (sum.0 + comments, sum.1 + code));
        comments as f64 / code.max(1) as f64
    }

    fn look(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let (path, shown) = {
                let path = entry?.path();
                let shown = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                (path, shown)
            };
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_dir() && !name.starts_with('.') && !path.join("CACHEDIR.TAG").exists() {
                self.look(root, &path)?;
            } else if matches!(extension, Some("rs" | "md")) {
                self.read(&shown, &fs::read_to_string(&path)?, extension == Some("rs"));
            }
            names.push(name);
        }
        if names == ["tests.rs"] {
            let shown = folder.strip_prefix(root).unwrap_or(folder).display().to_string();
            self.only_tests.push(shown);
        }
        Ok(())
    }

    fn read(&mut self, file: &str, text: &str, is_code: bool) {
        for (word, count) in foreign_words(text) {
            *self.words.entry(word).or_default() += count;
        }
        if !is_code || !file.starts_with("src/") || file.ends_with("tests.rs") {
            return;
        }
        if text.lines().count() < SHORT {
            self.short.push(file.to_owned());
        }
        self.lines.insert(file.to_owned(), lines(text));
    }
}

/// Counts the lines of comments, including documentation, and the lines of code. The test module at
/// the end of a file does not count.
fn lines(text: &str) -> (usize, usize) {
    let before = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = before.lines().map(str::trim).filter(|line| !line.is_empty());
    let (comments, code): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("//"));
    (comments.len(), code.len())
}

/// Counts how often each foreign word occurs as a whole word.
fn foreign_words(text: &str) -> BTreeMap<&'static str, usize> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let text = words(text);
    let count = |phrase: &&'static str| {
        let phrase_words = words(phrase);
        let windows = text.windows(phrase_words.len());
        (*phrase, windows.filter(|window| **window == *phrase_words).count())
    };
    FOREIGN.iter().map(count).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_and_in_every_case() {
        let text = concat!(
            "/// No",
            "body knows what\n/// What ",
            "came of it. Mi",
            "ned, he",
            "ard; is_to",
            "ld"
        );
        let found = foreign_words(text);
        assert_eq!(found.values().copied().collect::<Vec<_>>(), [1, 1], "{found:?}");
    }

    #[test]
    fn comments_and_code_are_counted_without_the_tests() {
        let text = "//! A.\n\n/// B.\nfn b() {\n    // C.\n}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(lines(text), (3, 2));
    }
}
