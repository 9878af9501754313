//! Asks, and watches that nothing is left behind.

use std::{
    fs,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anycast_ctl::{
    health::{
        probe::{Context, Finding, Outcome, Target, probe},
        spec::Probe,
    },
    model::Payload,
};
use tokio::{runtime, task::LocalSet};

/// For checks that are meant to run out of time.
pub const SHORT: Duration = Duration::from_millis(300);
/// For those that are not.
pub const LONG: Duration = Duration::from_secs(20);

/// How much later than its timeout a check may come on a busy machine.
const HANG: Duration = Duration::from_secs(5);

/// One test at a time: descriptors and children are the process's.
static ALONE: Mutex<()> = Mutex::new(());

/// For tests that open descriptors or have children without [`run`].
pub fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a test on one thread, as the daemon runs checks.
pub fn run(test: impl Future<Output = ()>) {
    let _alone = alone();
    let runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The first one opens what all share for good.
    drop(runtime());
    let before = descriptors();
    let runtime = runtime();
    LocalSet::new().block_on(&runtime, test);
    drop(runtime);
    assert_eq!(children(), Vec::<String>::new(), "children are left");
    assert_eq!(descriptors(), before, "descriptors are left open");
}

/// Checks once; it must be over in time.
pub async fn ask_with(context: &Context, what: &Probe, target: &Target, timeout: Duration) -> Outcome {
    let start = Instant::now();
    let outcome = probe(what, false, target, timeout, context).await;
    let took = start.elapsed();
    assert!(took < timeout + HANG, "{took:?} instead of {timeout:?}: {outcome:?}");
    assert!(outcome.latency <= took);
    outcome
}

pub async fn ask(what: &Probe, address: SocketAddr, timeout: Duration) -> Outcome {
    ask_with(&context(), what, &target(address), timeout).await
}

#[track_caller]
pub fn passes(outcome: &Outcome, detail: &str) {
    assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Passed, detail));
}

#[track_caller]
pub fn fails(outcome: &Outcome, detail: &str) {
    assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Failed, detail));
}

#[track_caller]
pub fn says_nothing(outcome: &Outcome, detail: &str) {
    assert_eq!((outcome.finding, outcome.detail.as_str()), (Finding::Inconclusive, detail));
}

pub fn context() -> Context {
    Context::supervised_by(env!("CARGO_BIN_EXE_anycast-ctl"))
}

pub fn target(address: SocketAddr) -> Target {
    Target::new(address, "web-1")
}

pub fn payload(text: &str) -> Payload {
    text.parse().unwrap()
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Process ids of every thread's.
pub fn children() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let lists = tasks.map(|task| fs::read_to_string(task.path().join("children")).unwrap_or_default());
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}
