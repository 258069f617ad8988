//! The manifests of the copy.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use toml_edit::{Array, DocumentMut, Item, Table, value};

/// The folders of the workspace's members.
pub(super) fn members(text: &str) -> Result<Vec<PathBuf>> {
    let manifest: DocumentMut = text.parse().context("failed to read the root Cargo.toml")?;
    let members = manifest["workspace"].get("members").and_then(Item::as_array);
    let members = members.context("the root Cargo.toml has no workspace.members")?;
    Ok(members.iter().filter_map(|member| Some(member.as_str()?.into())).collect())
}

/// The manifest of the workspace, with all its crates in the folder `crates`.
///
/// Its profiles stay: artifacts are shared between builds of the same profile. Its lints go, as an
/// edit may leave something unused; a flag for the compiler would apply to the dependencies as well,
/// and build them again.
pub(super) fn of_workspace(text: &str, crates: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse().context("failed to read the root Cargo.toml")?;
    let members = members(text)?;
    let moved = |path: &Path| Path::new(crates).join(path).display().to_string();
    let workspace = manifest["workspace"].as_table_mut().context("no table `workspace`")?;
    workspace["members"] = value(members.iter().map(|path| moved(path)).collect::<Array>());
    workspace.remove("default-members");
    let mut lints = Table::new();
    lints["rust"]["warnings"] = value("allow");
    workspace["lints"] = Item::Table(lints);
    let dependencies = workspace.get_mut("dependencies").and_then(Item::as_table_like_mut);
    for (_, dependency) in dependencies.into_iter().flat_map(|all| all.iter_mut()) {
        let Some(path) = dependency.as_table_like_mut().and_then(|table| table.get_mut("path"))
        else {
            continue;
        };
        let folder = path.as_str().context("a dependency has a path that is no text")?;
        *path = value(moved(Path::new(folder)));
    }
    Ok(manifest.to_string())
}

/// The manifest of a crate whose integration tests are not built.
pub(super) fn without_tests(text: &str) -> Result<String> {
    let mut manifest: DocumentMut = text.parse()?;
    manifest.remove("test");
    manifest["package"]["autotests"] = value(false);
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = r#"
[workspace]
members = ["own", "examples/one"]
default-members = ["own"]

[workspace.dependencies]
own = { path = "own", version = "0.1.0" }
serde = "1"

[workspace.lints.rust]
unsafe_code = "forbid"

[profile.dev]
debug = "line-tables-only"
"#;

    #[test]
    fn crates_move_to_a_folder_and_profiles_stay() {
        let text = of_workspace(ROOT, "mutated").unwrap();
        let manifest: DocumentMut = text.parse().unwrap();
        assert_eq!(
            members(&text).unwrap(),
            [Path::new("mutated/own"), Path::new("mutated/examples/one")]
        );
        let workspace = &manifest["workspace"];
        assert_eq!(workspace["dependencies"]["own"]["path"].as_str(), Some("mutated/own"));
        assert_eq!(workspace["dependencies"]["own"]["version"].as_str(), Some("0.1.0"));
        assert_eq!(workspace["dependencies"]["serde"].as_str(), Some("1"));
        assert_eq!(workspace["lints"]["rust"]["warnings"].as_str(), Some("allow"));
        assert!(workspace["lints"]["rust"].get("unsafe_code").is_none());
        assert!(workspace.get("default-members").is_none());
        assert_eq!(manifest["profile"]["dev"]["debug"].as_str(), Some("line-tables-only"));
    }

    #[test]
    fn tests_are_left_out_also_those_that_cargo_finds_itself() {
        let text = "[package]\nname = \"own\"\n\n[[test]]\nname = \"server\"\nharness = false\n";
        let manifest: DocumentMut = without_tests(text).unwrap().parse().unwrap();
        assert!(manifest.get("test").is_none());
        assert_eq!(manifest["package"]["autotests"].as_bool(), Some(false));
        assert_eq!(manifest["package"]["name"].as_str(), Some("own"));
    }
}
