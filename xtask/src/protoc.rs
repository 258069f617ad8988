//! The protobuf compiler from a crate, which `etcd-client` needs to build.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: eval \"$(cargo xtask env)\"

Prints the environment variables that plain Cargo needs to build dsync-etcd: the paths of protoc
and of its include files. All other xtask commands set them automatically. Variables that are
already set are left unchanged.
";

pub(crate) fn run(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    if let Some(argument) = arguments.next()? {
        return Err(UsageError(argument.unexpected().to_string()).into());
    }
    for (name, path) in environment() {
        // Quoted for a shell: a home directory may have a space in it.
        say(&format!("export {name}='{}'\n", path.display().to_string().replace('\'', r"'\''")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the variables that are not set, with their values. Empty on platforms for which the
/// crate has no compiler; the build then reports that it is missing.
pub(crate) fn environment() -> Vec<(&'static str, PathBuf)> {
    let compiler = protoc_bin_vendored::protoc_bin_path();
    let include = protoc_bin_vendored::include_path();
    let (Ok(compiler), Ok(include)) = (compiler, include) else { return Vec::new() };
    [("PROTOC", compiler), ("PROTOC_INCLUDE", include)]
        .into_iter()
        .filter(|(name, _)| std::env::var_os(name).is_none_or(|value| value.is_empty()))
        .collect()
}
