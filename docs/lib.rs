//! Compiles the Rust code of the book, and that of the repository's README, as doc tests:
//!
//! ```sh
//! eval "$(cargo xtask env)"   # dsync-etcd needs protoc
//! cargo test -p dsync-book --doc
//! ```

/// A module per chapter, so that a failed doc test names its file.
macro_rules! chapters {
    ($($name:ident: $file:literal,)*) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!($file)]
            mod $name {}
        )*

        #[cfg(test)]
        const CHAPTERS: &[&str] = &[$($file),*];
    };
}

chapters! {
    readme: "../README.md",
    introduction: "src/introduction.md",
    start_kube: "src/start/kube.md",
    start_redis: "src/start/redis.md",
    start_etcd: "src/start/etcd.md",
    start_mock: "src/start/mock.md",
    concepts: "src/concepts.md",
    fencing: "src/fencing.md",
    choosing: "src/choosing.md",
    operating: "src/operating.md",
    testing: "src/testing.md",
    drivers: "src/drivers.md",
    coming_from: "src/coming-from.md",
    faq: "src/faq.md",
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::CHAPTERS;

    /// A chapter that is not listed is neither compiled nor part of the book.
    #[test]
    fn every_file_of_the_book_is_compiled_and_in_the_summary() {
        let book = Path::new(env!("CARGO_MANIFEST_DIR"));
        let summary = fs::read_to_string(book.join("src/SUMMARY.md")).unwrap();
        let mut folders = vec![book.join("src")];
        let mut chapters = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "md") {
                    let file = path.strip_prefix(book).unwrap().to_str().unwrap().to_owned();
                    let Some(name) = file.strip_prefix("src/").filter(|name| *name != "SUMMARY.md")
                    else {
                        continue;
                    };
                    assert!(CHAPTERS.contains(&file.as_str()), "{file} is not in docs/lib.rs");
                    assert!(summary.contains(&format!("]({name})")), "{name} is not in SUMMARY.md");
                    chapters += 1;
                }
            }
        }
        assert_eq!(chapters + 1, CHAPTERS.len(), "docs/lib.rs lists the README and every chapter");
    }
}
