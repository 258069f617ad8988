//! Runs the rounds and prints their durations.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use dsync::{Config, Dsync, Lock};
use tokio::time::{sleep, timeout};

use crate::backend::Backend;

/// A round that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(20);
/// A waiter tries to acquire, is refused, starts to watch and reads once; after that it waits. The raw
/// rounds wait for the same time, because an idle machine is slower than a busy one.
const WAITING: Duration = Duration::from_millis(15);
/// The first rounds open connections and load scripts. They are not counted.
const WARM_UP: usize = 20;

pub(crate) async fn measure(backend: &mut Backend, rounds: usize) -> Result<()> {
    let a = Dsync::new((backend.connect)()?, Config::new("a"))?;
    let b = Dsync::new((backend.connect)()?, Config::new("b"))?;
    let (mut raw, mut dsync) = (Vec::new(), Vec::new());
    let lock = a.lock("pair")?;
    for round in 0..rounds + WARM_UP {
        let begun = Instant::now();
        timeout(LIMIT, backend.raw.pair()).await.context("the raw pair hangs")??;
        let by_raw = begun.elapsed();
        let begun = Instant::now();
        lock.lock().await?.unlock().await?;
        if round >= WARM_UP {
            raw.push(by_raw);
            dsync.push(begun.elapsed());
        }
    }
    print("lock + unlock", raw, dsync);

    let (mut raw, mut dsync) = (Vec::new(), Vec::new());
    let (mut from, mut to) = (a.lock("hand-over")?, b.lock("hand-over")?);
    for round in 0..rounds + WARM_UP {
        timeout(LIMIT, backend.raw.prepare())
            .await
            .context("preparing the raw hand-over hangs")??;
        sleep(WAITING).await;
        let begun = Instant::now();
        timeout(LIMIT, backend.raw.hand_over()).await.context("the raw hand-over hangs")??;
        let by_raw = begun.elapsed();
        let by_dsync = hand_over(&from, &to).await?;
        std::mem::swap(&mut from, &mut to);
        if round >= WARM_UP {
            raw.push(by_raw);
            dsync.push(by_dsync);
        }
    }
    print("hand-over", raw, dsync);
    a.shutdown().await;
    b.shutdown().await;
    Ok(())
}

/// Returns the time from the call of `unlock` to the return of the waiting `lock`.
async fn hand_over(from: &Lock, to: &Lock) -> Result<Duration> {
    let guard = from.lock().await?;
    let to = to.clone();
    let waiting = tokio::spawn(async move {
        let guard = to.lock().await?;
        let at = Instant::now();
        guard.unlock().await?;
        Ok::<_, dsync::Error>(at)
    });
    sleep(WAITING).await;
    let begun = Instant::now();
    guard.unlock().await?;
    let at = timeout(LIMIT, waiting).await.context("the waiting lock hangs")???;
    Ok(at - begun)
}

fn print(what: &str, mut raw: Vec<Duration>, mut dsync: Vec<Duration>) {
    raw.sort_unstable();
    dsync.sort_unstable();
    let at = |sorted: &[Duration], percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    let (raw_half, half) = (at(&raw, 50), at(&dsync, 50));
    println!(
        "  {what:<14} raw p50 {raw_half:>9.1?} p99 {:>9.1?}   dsync p50 {half:>9.1?} p99 {:>9.1?}   \
         ratio of p50 {:.2}",
        at(&raw, 99),
        at(&dsync, 99),
        half.as_secs_f64() / raw_half.as_secs_f64()
    );
}
