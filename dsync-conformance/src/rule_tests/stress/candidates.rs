//! Candidates in processes of their own, stopped and killed while clusters have their rounds.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use dsync::ErrorKind;
use tokio::runtime::Builder;

use super::findings::Findings;
use super::losses::Losses;
use super::plan::Plan;
use crate::check::Precision;
use crate::context::Stalls;
use crate::harness::Stores;
use crate::process;
use crate::tasks;

/// How many lease durations a step takes, about.
const STEP: u32 = 4;

/// Begins, and ends by itself after about the length of the plan. Where processes cannot be had,
/// nothing comes of it.
pub(super) fn beside(stores: &Stores, plan: Plan, losses: &Arc<Losses>) -> JoinHandle<Findings> {
    let (stores, losses) = (Arc::clone(stores), Arc::clone(losses));
    thread::spawn(move || {
        let steps = plan.length.div_duration_f64(plan.lease * STEP).clamp(4.0, 1000.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was clamped"
        )]
        let plan = process::Plan::new(plan.seed, plan.lease).with_steps(steps as usize);
        let mut findings = Findings::default();
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                findings.broken = Some(format!("no tokio runtime: {error}"));
                return findings;
            }
        };
        let run = async {
            let (stalls, begun) = (Stalls::watch(), tasks::now());
            (process::run_since(&*stores(), &plan).await, stalls.since(begun))
        };
        match runtime.block_on(run) {
            (Ok((mut history, epoch)), stalled) => {
                losses.of_processes(&mut history, epoch);
                let what = "candidates in processes of their own, stopped and killed";
                findings.judge(what, &history, Precision::REAL, stalled);
            }
            (Err(error), _) if error.kind() == ErrorKind::Unsupported => {}
            (Err(error), _) => findings.broken = Some(error.to_string()),
        }
        findings
    })
}
