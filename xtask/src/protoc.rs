//! The protobuf compiler, which `etcd-client` needs to build: one that comes with a crate.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use crate::output::say;
use crate::usage::UsageError;

pub(crate) const HELP: &str = "\
usage: eval \"$(cargo xtask env)\"

Prints what plain Cargo needs in its environment to build dsync-etcd: where protoc is, and its
include files. All other commands of xtask see to it themselves. What is set already, stays.
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

/// The variables that are not set, and their values. Empty on machines that the crate has no
/// compiler for: the build says what is missing then.
pub(crate) fn environment() -> Vec<(&'static str, PathBuf)> {
    let compiler = protoc_bin_vendored::protoc_bin_path();
    let include = protoc_bin_vendored::include_path();
    let (Ok(compiler), Ok(include)) = (compiler, include) else { return Vec::new() };
    [("PROTOC", compiler), ("PROTOC_INCLUDE", include)]
        .into_iter()
        .filter(|(name, _)| std::env::var_os(name).is_none_or(|value| value.is_empty()))
        .collect()
}
