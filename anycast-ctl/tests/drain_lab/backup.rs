//! A backup takes over from those that drain, and gives back what comes after them.

use std::{
    thread,
    time::{Duration, Instant},
};

use anycast_ctl::api::types::BackendState;
use xtask::lab::session::{Ending, Lifetime, Pattern, Server, Sessions};

use crate::edge::{Edge, SOON};

const PAUSE: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(200);
const COUNT: usize = 12;

/// Long sessions to both VIPs, opened now.
fn open(edge: &Edge, seed: u64) -> Sessions {
    let patience = Duration::from_secs(20);
    let pattern = Pattern { sessions: COUNT, pause: PAUSE, lifetime: Lifetime::Long, patience, seed };
    let sessions = Sessions::start(&edge.host.lab, pattern).unwrap();
    let start = Instant::now();
    while sessions.open() < COUNT {
        assert!(start.elapsed() < SOON, "only {} are open: {:#?}", sessions.open(), sessions.ended());
        thread::sleep(Duration::from_millis(20));
    }
    sessions
}

/// Ends them in order. Whether each lived on one of these backends, and was not broken.
#[track_caller]
fn finish(sessions: Sessions, backends: &[&str]) {
    let mut records = sessions.finish().unwrap();
    // Ports are taken in turn, and sessions that were opened before hold the first ones.
    let is_taken = |ending: &Ending| matches!(ending, Ending::Failed(why) if why.contains("Cannot assign"));
    records.retain(|record| !is_taken(&record.ending));
    assert_eq!(records.len(), COUNT);
    for record in records {
        assert_eq!(record.ending, Ending::Finished, "{record:#?}");
        assert!(backends.contains(&record.backend.as_deref().unwrap()), "{record:#?}");
    }
}

#[test]
fn a_backup_takes_what_is_opened_while_the_others_drain() {
    let backup = |site: String| site.replace("name = \"backend3\"\n", "name = \"backend3\"\nbackup = true\n");
    let edge = Edge::start(3, backup);
    let names = edge.host.lab.plan().servers().map(|server| server.name.clone());
    let _servers: Vec<Server> =
        names.map(|name| Server::start(&edge.host.lab, &name, PAUSE).unwrap()).collect();
    let idle = edge.backend("web4", "backend3");
    assert_eq!((idle.state, idle.backup, idle.slots, idle.slots_wanted), (BackendState::Up, true, 0, 0));
    assert_eq!(idle.detail.as_deref(), Some("backup: takes flows when no other can"));
    let page = edge.ctl("backend list --pool web4");
    assert!(page.starts_with("POOL web4: 2 of 2 backends up, 1 of 1 backups, 65537 slots\n"), "{page}");
    assert!(page.contains("up, backup") && edge.ctl("status").contains("All is well: "), "{page}");

    let first = open(&edge, 1);
    for pool in ["web4", "web6"] {
        edge.ctl(&format!("backend drain {pool} backend1"));
        let plan = edge.ctl(&format!("backend drain {pool} backend2 --dry-run"));
        let row = plan.lines().find(|line| line.trim_start().starts_with("backend3")).unwrap();
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["backend3", "0", "0.0%", "65537", "100.0%"]);
        let note = format!("NOTE: new flows of pool {pool} go to its backups then");
        assert!(plan.contains(&note) && plan.contains("Sessions that would break: none."), "{plan}");
        assert!(!plan.contains("WARNING"), "{plan}");
        edge.ctl(&format!("backend drain {pool} backend2"));
        assert_eq!(edge.backend(pool, "backend3").slots, 65_537);
        assert_eq!(edge.backend(pool, "backend3").detail, None);
    }
    let second = open(&edge, 2);
    assert_eq!(first.open(), COUNT);
    assert!(!edge.drain("web4", "backend2").empty);

    for pool in ["web4", "web6"] {
        let plan = edge.ctl(&format!("backend undrain {pool} backend1 --dry-run"));
        assert!(plan.contains("65537 of 65537 slots would move"), "{plan}");
        edge.ctl(&format!("pool undrain {pool}"));
        assert_eq!(edge.backend(pool, "backend3").slots, 0);
    }
    let third = open(&edge, 3);
    assert_eq!((first.open(), second.open()), (COUNT, COUNT));
    // Slots become stable again, but for those that sessions hold.
    thread::sleep(crate::held::SWEEP * 2);
    finish(first, &["backend1", "backend2"]);
    finish(third, &["backend1", "backend2"]);
    finish(second, &["backend3"]);
}

#[test]
fn a_backup_is_set_and_cleared_while_the_daemon_runs() {
    let edge = Edge::start(2, |site| site);
    let (code, text) = edge.try_ctl("backend set web4 backend1 --backup true --address 203.0.113.11");
    assert_eq!(code, 0, "{text}");
    assert_eq!(edge.backend("web4", "backend1").slots, 0);
    assert!(edge.ctl("export").contains("backup = true"));
    assert!(edge.head().what.contains("backup true"), "{}", edge.head().what);
    let (code, text) = edge.try_ctl("backend set web4 backend2 --backup true");
    assert!(code == 1 && text.contains("every backend is a backup"), "{text}");
    let (code, text) = edge.try_ctl("backend remove web4 backend2");
    assert!(code == 1 && text.contains("every backend is a backup"), "{text}");
    let said = edge.ctl("backend add web4 far 203.0.113.99 --backup --dry-run");
    assert!(said.contains("Not at once: far is a backup: it gets slots while nobody else can"), "{said}");
    let said = edge.ctl("backend set web4 backend1 --backup false");
    assert!(said.starts_with("backend1 of pool web4 has address 203.0.113.11, weight 1"), "{said}");
    assert_ne!(edge.backend("web4", "backend1").slots, 0);
}
