//! Checks links in Markdown: the file and heading exist, and the book does not link outside itself.

use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The chapters of the book. A rendered book contains nothing else, so no link may leave the
/// directory.
const BOOK: &str = "docs/src";

/// The target of a link.
enum Target {
    Missing,
    /// A directory, or a file whose headings are unknown.
    Exists,
    Markdown(String),
}

/// Returns the broken links of the Markdown file `path`, one line each.
pub(super) fn broken(root: &Path, path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(root);
    let mut problems = problems(text, &|link| look_up(&folder.join(link)));
    let book = root.join(BOOK);
    if path.starts_with(&book) {
        for (number, link) in links(text) {
            let (file, _) = split(link);
            if !is_elsewhere(link) && !normal(&folder.join(file)).starts_with(&book) {
                problems.push(format!(":{number}: the link to {file} leaves the book"));
            }
        }
    }
    problems
}

fn look_up(path: &Path) -> Target {
    if path.extension().is_some_and(|extension| extension == "md") {
        return fs::read_to_string(path).map_or(Target::Missing, Target::Markdown);
    }
    if path.exists() { Target::Exists } else { Target::Missing }
}

fn problems(text: &str, look_up: &dyn Fn(&str) -> Target) -> Vec<String> {
    let mut problems = Vec::new();
    for (number, link) in links(text) {
        let (file, heading) = split(link);
        if is_elsewhere(link) {
            continue;
        }
        let target =
            if file.is_empty() { Target::Markdown(text.to_owned()) } else { look_up(file) };
        match (target, heading) {
            (Target::Missing, _) => {
                problems.push(format!(":{number}: the link to {file} is broken: no such file"));
            }
            (Target::Markdown(text), Some(heading)) if !anchors(&text).contains(heading) => {
                problems.push(format!(":{number}: {link}: there is no such heading"));
            }
            _ => {}
        }
    }
    problems
}

/// A link to another site, or to an item of the documentation, is not checked here.
fn is_elsewhere(link: &str) -> bool {
    link.is_empty() || link.contains(':')
}

/// Splits a link into its file and heading.
fn split(link: &str) -> (&str, Option<&str>) {
    link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)))
}

/// Returns every link with its line number: `[text](link)`, and `[text]: link` at the beginning of
/// a line.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let inline = line.split("](").skip(1);
        let definition = line.starts_with('[').then(|| line.split_once("]: ")).flatten();
        for rest in inline.chain(definition.map(|(_, rest)| rest)) {
            links.push((number, rest.split([')', ' ']).next().unwrap_or_default()));
        }
    }
    links
}

/// Returns the lines outside code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// Returns the anchors of all headings, as GitHub and mdBook generate them.
struct Anchors(HashMap<String, usize>);

impl Anchors {
    fn contains(&self, anchor: &str) -> bool {
        if self.0.contains_key(anchor) {
            return true;
        }
        // Repeated headings get a suffix: `-1` for the second, `-2` for the third.
        let numbered = anchor.rsplit_once('-');
        numbered.is_some_and(|(name, number)| {
            let count = self.0.get(name).copied().unwrap_or_default();
            number.parse::<usize>().is_ok_and(|number| (1..count).contains(&number))
        })
    }
}

fn anchors(text: &str) -> Anchors {
    let mut anchors = HashMap::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        let is_heading = title.len() < line.len() && title.starts_with(' ');
        if is_heading {
            *anchors.entry(anchor(title.trim())).or_default() += 1;
        }
    }
    Anchors(anchors)
}

fn anchor(title: &str) -> String {
    let keep = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c.to_ascii_lowercase()),
        _ => None,
    };
    title.chars().filter_map(keep).collect()
}

/// Removes `.` and `..` from the path without using the file system, since the file may be missing.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        problems(text, &|link| match link {
            "DESIGN.md" => {
                Target::Markdown("# Why?\n## Again\n```sh\n# no heading\n```\n## Again\n".into())
            }
            "src" => Target::Exists,
            _ => Target::Missing,
        })
    }

    #[test]
    fn links_to_missing_files_are_found() {
        let text = "[a](DESIGN.md) [b](https://example.org) [d](crate::Driver) [h](src)\n\
                    ```\n[e](in-code.md)\n```\n![f](gone.png \"title\") and [g](lost.md#here)\n\
                    [i]: also-lost.md\n";
        assert_eq!(
            found(text),
            [
                ":5: the link to gone.png is broken: no such file",
                ":5: the link to lost.md is broken: no such file",
                ":6: the link to also-lost.md is broken: no such file"
            ]
        );
    }

    #[test]
    fn links_to_missing_headings_are_found() {
        let text = "# 7. `is_held` & more\n[a](#7-is_held--more) [b](#here) [c](DESIGN.md#why)\n\
                    [d](DESIGN.md#again-1)\n[e](DESIGN.md#again-2)\n[f](DESIGN.md#no-heading)\n\
                    [g](src#L10)\n";
        assert_eq!(
            found(text),
            [
                ":2: #here: there is no such heading",
                ":4: DESIGN.md#again-2: there is no such heading",
                ":5: DESIGN.md#no-heading: there is no such heading"
            ]
        );
    }

    #[test]
    fn links_out_of_the_book_are_found() {
        let root = Path::new("/repository");
        let chapter = root.join("docs/src/start/kube.md");
        let text = "[a](../../../README.md) [b](https://example.org) [c](#heading)\n# heading\n";
        assert_eq!(
            broken(root, &chapter, text),
            [
                ":1: the link to ../../../README.md is broken: no such file",
                ":1: the link to ../../../README.md leaves the book"
            ]
        );
        let outside = broken(root, &root.join("README.md"), "[a](../x.rs)\n");
        assert_eq!(outside, [":1: the link to ../x.rs is broken: no such file"]);
    }
}
