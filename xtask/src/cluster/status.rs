//! `cargo xtask cluster status`

use std::process::ExitCode;

use anyhow::Result;

use super::place::ClusterDir;
use super::protocol::{self, Answer, Request};
use crate::output::say;

pub(super) fn run(cluster_dir: &ClusterDir) -> Result<ExitCode> {
    let answer = match cluster_dir.connect()? {
        Some(stream) => protocol::ask(&stream, Request::Status)?,
        None => Answer::Down,
    };
    match answer {
        Answer::Up(up) => {
            say(&format!("up\n{}", up.describe()));
            Ok(ExitCode::SUCCESS)
        }
        Answer::Starting { supervisor } => {
            say(&format!("starting (supervisor: pid {supervisor})\n"));
            Ok(ExitCode::FAILURE)
        }
        Answer::Down => {
            say("down\n");
            Ok(ExitCode::FAILURE)
        }
    }
}
