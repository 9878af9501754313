//! Coverage-guided fuzzing of everything that reads what others wrote: one program with all targets, of which the environment
//! names the one that runs. Run by `cargo xtask fuzz`; docs/fuzzing.md has the list.
//!
//! Targets use what the daemon and the commands use, by the same doors: where bytes come over a socket, the target sits at its
//! other end.

#![no_main]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a target panics when a property does not hold"
)]

mod agent;
mod api;
mod bird;
mod capture;
mod dns;
mod exabgp;
mod filter;
mod frr;
mod gobgp;
mod grpc;
mod http;
mod packet;
mod peer;
mod probe;
mod site;
mod store;
mod text;
mod words;

use std::{env, path::Path, sync::OnceLock};

use libfuzzer_sys::fuzz_target;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Does something with an input, and panics when a property does not hold.
type Target = fn(&[u8]);

/// Each target by its name, which is also that of its corpus.
const TARGETS: [(&str, Target); 15] = [
    ("agent", agent::check),
    ("api", api::check),
    ("bird", bird::check),
    ("capture", capture::check),
    ("dns", dns::check),
    ("exabgp", exabgp::check),
    ("filter", filter::check),
    ("frr", frr::check),
    ("gobgp", gobgp::check),
    ("grpc", grpc::check),
    ("http", http::check),
    ("packet", packet::check),
    ("site", site::check),
    ("store", store::check),
    ("words", words::check),
];

/// The environment's variable that names the target.
const VARIABLE: &str = "ANYCAST_FUZZ_TARGET";

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(init: choose(), |input: &[u8]| {
    TARGET.get().unwrap()(input);
});

fn choose() {
    // As every program of Rust's has it; this one's main function is libFuzzer's. Peers hang up all the time.
    // SAFETY: no handler is installed.
    unsafe { signal(Signal::SIGPIPE, SigHandler::SigIgn) }.unwrap();
    let corpora = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus"));
    // `cargo xtask fuzz` knows the targets by their corpora.
    let missing = TARGETS.iter().map(|(name, _)| corpora.join(name)).find(|corpus| !corpus.is_dir());
    assert_eq!(missing, None, "a target has no corpus");
    let wanted = env::var(VARIABLE).unwrap_or_default();
    let found = TARGETS.iter().find(|(name, _)| *name == wanted);
    let (name, target) = found.unwrap_or_else(|| panic!("{VARIABLE} names no target: {wanted:?}"));
    if *name == "store" {
        store::let_panics_be_caught();
    }
    TARGET.get_or_init(|| *target);
}
