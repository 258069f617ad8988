//! Puts the mistakes of a crate into its source.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::super::mutant::Edit;
use super::super::mutants::Mutated;
use super::files::Files;

/// What the crate gets as well: the choice.
const SWITCH: &str = r#"//! The mutant that this process is.

/// Returns whether this mutant of the crate was chosen.
pub(crate) fn is(name: &str) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("DSYNC_MUTANT").ok());
    let of_this_crate = concat!(env!("CARGO_PKG_NAME"), "/");
    chosen.as_deref().and_then(|chosen| chosen.strip_prefix(of_this_crate)) == Some(name)
}
"#;

/// Edits the crate in `folder`.
pub(super) fn apply(files: &mut Files, folder: &Path, mutated: &Mutated) -> Result<()> {
    let source = folder.join("src");
    for mutant in mutated.mutants {
        for Edit(file, right, wrong) in mutant.edits {
            let chosen = format!("crate::mutation::is({:?})", mutant.name);
            let wrong = wrong.replace("MUTANT", &chosen);
            let edit = |text: &str| {
                let found = text.matches(right).count();
                if found != 1 {
                    bail!("{file} has {found} places that read\n{right}");
                }
                Ok(text.replacen(right, &wrong, 1))
            };
            files.edit(&source.join(file), edit).with_context(|| {
                format!(
                    "the mutant {} of {} no longer fits: change its edits in \
                     xtask/src/conformance/self_test/mutants/{} along with the crate",
                    mutant.name, mutated.package, mutated.list
                )
            })?;
        }
    }
    files.add(source.join("mutation.rs"), SWITCH);
    files.edit(&source.join("lib.rs"), |text| Ok(format!("{text}\nmod mutation;\n")))
}

#[cfg(test)]
mod tests {
    use super::super::super::mutant::{Mutant, rule};
    use super::*;

    const MUTANTS: &[Mutant] = &[Mutant {
        name: "adds-one",
        killer: rule("1.01", ""),
        seen: "",
        edits: &[Edit("lib.rs", "x + 0", "x + u8::from(MUTANT)")],
    }];
    const MUTATED: Mutated = Mutated { package: "own", mutants: MUTANTS, list: "own.rs" };

    fn mutated(text: &str) -> Result<String> {
        let mut files = Files::default();
        files.add("own/src/lib.rs", text);
        apply(&mut files, Path::new("own"), &MUTATED)?;
        let mut changed = String::new();
        files.edit(Path::new("own/src/lib.rs"), |text| {
            changed = text.to_owned();
            Ok(String::new())
        })?;
        Ok(changed)
    }

    #[test]
    fn a_mistake_is_behind_its_switch() {
        let text = mutated("fn f(x: u8) -> u8 { x + 0 }").unwrap();
        assert!(text.contains("x + u8::from(crate::mutation::is(\"adds-one\"))"), "{text}");
        assert!(text.ends_with("mod mutation;\n"));
    }

    #[test]
    fn an_edit_that_fits_no_place_or_two_is_refused() {
        for text in ["", "x + 0, x + 0"] {
            let error = format!("{:#}", mutated(text).unwrap_err());
            assert!(error.contains("the mutant adds-one of own no longer fits"), "{error}");
        }
    }
}
