//! How long an answer takes, the first one and later ones. Printed, not judged.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anycast_ctl::api::{client::Client, types::ExplainQuestion};
use xtask::lab::server::HTTP_PORT;

use crate::harness::steering;

/// Questions after the first.
const QUESTIONS: usize = 500;

#[test]
fn the_first_answer_loads_and_later_ones_do_not() {
    let lab = steering(2, 0);
    let client = Client::new(lab.socket());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ask = |port: usize| {
        let question = ExplainQuestion {
            from: format!("198.51.100.7:{port}"),
            to: SocketAddr::new(lab.plan().vips.v4.into(), HTTP_PORT).to_string(),
            ..ExplainQuestion::default()
        };
        let begun = Instant::now();
        let told = runtime.block_on(client.explain(&question)).unwrap();
        assert!(told.backend.is_some(), "{}", told.text);
        begun.elapsed()
    };
    let first = ask(1);
    let mut later: Vec<Duration> = (0..QUESTIONS).map(|question| ask(1_000 + question)).collect();
    later.sort();
    println!(
        "first answer {first:?}; later ones: median {:?}, worst {:?}",
        later[QUESTIONS / 2],
        later[QUESTIONS - 1]
    );
}
