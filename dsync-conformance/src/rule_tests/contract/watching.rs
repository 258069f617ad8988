//! 1.11: a watch may skip states but always shows the last one.

mod broken;
mod changes;
mod listener;
mod releases;

use std::sync::Arc;

use dsync::driver::{KeyKind, Observation, WatchScope};
use tokio::time::{sleep, timeout};

use self::listener::next;
use crate::context::{Case, Outcome};

pub(super) async fn test(case: Arc<Case>) -> Outcome {
    match case.watches() {
        WatchScope::Changes => {
            changes::test(&case).await?;
            broken::test(&case).await
        }
        WatchScope::Releases => {
            releases::test(&case).await?;
            broken::test(&case).await
        }
        _ => {
            let works = works_nevertheless(&case).await?;
            let hint = if works { "; but it shows releases: declare what it keeps" } else { "" };
            Err(Case::skip(format!(
                "the driver declares that its watch shows nothing (WatchScope::Nothing){hint}"
            )))
        }
    }
}

/// A watch that is declared to show nothing, and shows a release all the same.
async fn works_nevertheless(case: &Case) -> Outcome<bool> {
    let [owner, watcher] = case.peers().await?;
    let key = case.key(KeyKind::Lock);
    let mut watch = watcher.watch(&key);
    let heard = async {
        loop {
            match next(&mut watch).await {
                Some(Ok(Observation::Record(Some(lease)))) if lease.holder.is_some() => {
                    return true;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return false,
            }
        }
    };
    let change = async {
        sleep(Case::SETTLING).await;
        let won = owner.win(&key, &case.claim("owner"), "it has never been used").await?;
        sleep(Case::SETTLING).await;
        owner.free(&key, &won).await
    };
    let (heard, changed) = tokio::join!(timeout(4 * Case::SETTLING, heard), change);
    changed?;
    Ok(heard.unwrap_or(false))
}
