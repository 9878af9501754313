//! A thousand clients, and the changes that have to get through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anycast_ctl::api::{
    call::{Call, Terms},
    client::Client,
    types::BackendStatus,
};

use crate::harness::steering;

const CLIENTS: usize = 1_000;
const CHANGES: u32 = 30;

/// What the slowest change may take while a thousand clients ask, on a slow machine too.
const BOUND: Duration = Duration::from_secs(2);

/// Makes changes, each of which the dataplane has when it is answered: how long each took.
async fn change(client: &Client) -> Vec<Duration> {
    let terms = Terms { revision: None, wait: Some(Duration::from_secs(10)) };
    let mut taken = Vec::new();
    for round in 0..CHANGES {
        let call = Call::weigh("web4", "backend1", 1 + (round + 1) % 2);
        let begun = Instant::now();
        assert!(client.change::<BackendStatus>(&call, &terms).await.unwrap().in_time);
        taken.push(begun.elapsed());
    }
    taken.sort();
    taken
}

#[test]
fn a_thousand_clients_do_not_disturb_changes() {
    let lab = steering(2, 0);
    let client = Client::new(lab.socket());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let quiet = runtime.block_on(change(&client));

    let (done, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let hammering = {
        let (done, answers, client) = (done.clone(), answers.clone(), client.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut clients = tokio::task::JoinSet::new();
                for _ in 0..CLIENTS {
                    let (done, answers, client) = (done.clone(), answers.clone(), client.clone());
                    clients.spawn(async move {
                        while !done.load(Ordering::Relaxed) {
                            // A full backlog is told as such: a client of its kind tries again.
                            if client.status().await.is_ok() {
                                answers.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                    });
                }
                while clients.join_next().await.is_some() {}
            });
        })
    };
    std::thread::sleep(Duration::from_secs(2));
    let begun = (Instant::now(), answers.load(Ordering::Relaxed));
    let busy = runtime.block_on(change(&client));
    let rate = (answers.load(Ordering::Relaxed) - begun.1) as f64 / begun.0.elapsed().as_secs_f64();
    done.store(true, Ordering::Relaxed);
    hammering.join().unwrap();

    let of = |taken: &[Duration]| (taken[taken.len() / 2], taken[taken.len() - 1]);
    eprintln!(
        "quiet: median and worst {:?}; with {CLIENTS} clients, {rate:.0} answers/s: {:?}",
        of(&quiet),
        of(&busy)
    );
    assert!(rate > 10.0, "{rate} answers a second");
    assert!(of(&busy).1 < BOUND, "{busy:?}");
}
