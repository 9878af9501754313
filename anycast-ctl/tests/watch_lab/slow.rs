//! A watcher that stands still for a while, and maps that are full.

use anycast_ctl::{
    api::{
        client::Client,
        types::{Event, NewLog, Severity},
    },
    events::Since,
};
use nix::sys::signal::Signal;

use crate::{edge::Edge, watcher::Watcher};

/// Far more than sockets and queues hold.
const CHANGES: u32 = 2_000;

#[test]
fn a_watcher_that_stood_still_goes_on_where_it_was() {
    let edge = Edge::start(&[]);
    let watcher = Watcher::start(&edge, "events", "--json --since 1h");
    watcher.wait_for(&edge, "it watches", |told| matches!(told.event, Event::Daemon(_)));
    watcher.process.signal(Signal::SIGSTOP).unwrap();
    let client = Client::new(&edge.host.socket("anycast"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (kept, unread) = runtime.block_on(async {
        // Nobody reads it, either.
        let mut twin = client.watch(None).await.unwrap();
        for round in 0..CHANGES {
            let filter = if round % 2 == 0 { "warn" } else { "info" }.to_owned();
            client.set_log(&NewLog { filter, for_seconds: None }).await.unwrap();
        }
        let mut unread = Vec::new();
        while let Some(frame) = twin.next().await.unwrap() {
            unread.push(frame.kind);
        }
        (client.kept(Since::Sequence(0)).await.unwrap(), unread)
    });
    assert_eq!(unread.last().map(String::as_str), Some("dropped"), "{} were not too many", unread.len());
    let bytes: usize = kept.iter().map(|told| serde_json::to_string(told).unwrap().len()).sum();
    println!("{} events, {} bytes each on an average", kept.len(), bytes / kept.len());
    let last = kept.last().unwrap().sequence;
    watcher.process.signal(Signal::SIGCONT).unwrap();
    watcher.wait_for(&edge, "it has the last", |told| told.sequence >= last);
    let told = watcher.told(&edge);
    assert!(told.is_sorted_by(|a, b| a.sequence + 1 == b.sequence), "something is missing or told twice");
    assert!(told.len() >= 2 * CHANGES as usize && told.starts_with(&kept), "{}", told.len());
}

#[test]
fn a_map_that_is_full_is_told_of() {
    let edge = Edge::start_with(&[], |site| site.replacen("[[pool]]", "[maps]\nvips = 2\n\n[[pool]]", 1));
    edge.wait_for("it is told", |edge| !edge.kept("--kind capacity").is_empty());
    let told = edge.kept("--kind capacity");
    assert_eq!(told.len(), 1, "{told:#?}");
    let Event::Capacity(capacity) = &told[0].event else { unreachable!() };
    assert_eq!((capacity.map.as_str(), capacity.used, capacity.capacity), ("vips", 2, 2));
    assert_eq!((capacity.above_percent, told[0].severity), (95, Severity::Warning));
    assert!(
        edge.host.log_text().contains("2 of 2 entries of vips are used (100%)"),
        "{}",
        edge.host.log_text()
    );
}
