//! A pool that fails and recovers again and again.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{
    announcing::{announcing_with, moves_since},
    harness::CHECK,
};

/// How long it flaps. The full five minutes: `ANYCAST_FLAP_SECONDS=300`.
fn seconds() -> u64 {
    std::env::var("ANYCAST_FLAP_SECONDS").map_or(30, |seconds| seconds.parse().unwrap())
}

#[test]
fn a_pool_that_flaps_moves_the_route_a_few_times_at_most() {
    // What checks calm is left out: each verdict is believed at once.
    let pool = CHECK.replace(
        " }",
        ", interval = \"200ms\", fast_interval = \"100ms\", fall = 1, rise = 1, hold_down = \"0s\" }",
    );
    let (mut sites, _receivers) = announcing_with(&pool, "hold_up = \"1s\"");
    let servers: Vec<String> = sites.plan().sites[0].backends.iter().map(|host| host.name.clone()).collect();
    // One edge shows it: the other one's route would move with it.
    sites.stop_daemon("a2").unwrap();
    sites.stop_bird("a2").unwrap();
    let start = Instant::now();
    let mut next = start;
    while start.elapsed() < Duration::from_secs(seconds()) {
        for is_up in [false, true] {
            for server in &servers {
                if is_up { sites.start_server(server).unwrap() } else { sites.stop_server(server).unwrap() }
            }
            next += Duration::from_secs(3);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
    let moves = moves_since(&sites, start);
    println!("flapping every 3 s for {} s: {moves} route changes", seconds());
    assert!((1..=4).contains(&moves), "{:#?}", sites.watch().changes());
}
