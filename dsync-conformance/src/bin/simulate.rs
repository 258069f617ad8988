//! Runs schedules of tier S1.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]
use dsync_conformance::schedule::{Shape, Store};
use dsync_conformance::simulation::Batch;
use std::time::{Duration, Instant};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let secs: u64 = args.get(1).and_then(|s| s.parse().ok()).unwrap_or(5);
    let seed: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(1);
    let rule = args.get(3).cloned();
    if args.get(1).is_some_and(|a| a == "--trace") {
        let s = dsync_conformance::Schedule::load(std::path::Path::new(&args[2])).unwrap();
        let h = dsync_conformance::simulation::run(&s);
        for e in &h.entries {
            println!("{:>9.3} {:?} {:?}", e.at.as_secs_f64(), e.node, e.event);
        }
        for v in dsync_conformance::check::check(&h, dsync_conformance::check::Precision::VIRTUAL) {
            println!("{v:?}");
        }
        return;
    }
    let start = Instant::now();
    let batch = Batch {
        seed,
        shape: Shape::default(),
        stores: vec![Store::Backend, Store::Observer, Store::Releases],
        most: u64::MAX,
        threads: 2,
    };
    let (tally, failure) = batch.run(
        |_| start.elapsed() < Duration::from_secs(secs),
        |v| rule.as_ref().is_none_or(|r| r.split(',').any(|r| r == v.rule)),
    );
    println!("{tally:#?}\n{:.0}/s", tally.schedules as f64 / start.elapsed().as_secs_f64());
    if let Some(f) = failure {
        println!("{} {:?}", f.number, f.violation);
        std::fs::write("/tmp/fail.json", f.schedule.to_json()).unwrap();
    }
}
