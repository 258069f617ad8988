//! 1.07: no lease ends before its duration has run.

use std::sync::Arc;
use std::time::Duration;

use dsync::driver::KeyKind;
use tokio::task::JoinSet;

use super::expiry::{Scene, Seen, play, scenes};
use crate::context::{Case, Outcome};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    let mut playing = JoinSet::new();
    for scene in scenes(&case) {
        let case = Arc::clone(&case);
        playing.spawn(async move {
            let limit = 2 * case.longest(scene.duration) + Case::PATIENCE;
            judge(&case, scene, play(&case, scene, limit).await?)
        });
    }
    while let Some(scene) = playing.join_next().await {
        scene.map_err(|error| case.fail(format!("panicked: {error}")))??;
    }
    Ok(())
}

fn judge(case: &Case, scene: Scene, seen: Option<Seen>) -> Outcome {
    let Some(seen) = seen else {
        case.hint("a dead holder's lease did not end while this test waited for it: see 1.08");
        return Ok(());
    };
    let Scene { kind, death, duration } = scene;
    let lasted = seen.free_at.saturating_duration_since(seen.sent);
    if lasted >= duration {
        return Ok(());
    }
    let early = duration.checked_sub(lasted).unwrap_or(Duration::ZERO);
    let what = if seen.by_read { "a read showed it free" } else { "another candidate had it" };
    let kind = match kind {
        KeyKind::Election => "election",
        KeyKind::Lock => "lock",
    };
    Err(case.fail(format!(
        "the lease of a {kind} was for {duration:?} ({death:?}), but {what} {lasted:?} after its \
         holder's last call began: it ended {early:?} early. A claim must not expire before the \
         start of the call plus its duration, so round up (Driver: Expiry)"
    )))
}
