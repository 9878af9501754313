//! Faults one by one: what the operator sees, and that all is well afterwards. docs/faults.md has the same as a table.

use std::collections::BTreeSet;

use crate::{
    held::Held,
    host::Host,
    http::Answer,
    plan::Plan,
    point::Point,
    rest::{agrees, settled},
};

/// What fails, how often, after how many calls that do not, and how.
type Fault = (Point, u64, u64, i32);

fn put(host: &Host, path: &str, body: &str) -> Answer {
    host.connect().ask("PUT", path, "content-type: application/json\r\n", body).unwrap()
}

fn get(host: &Host, path: &str) -> Answer {
    host.connect().get(path).unwrap()
}

/// A change that a fault meets.
fn weigh(host: &Host, weight: usize) -> Answer {
    put(host, "/v1/pools/churn-1/backends/b1/weight?wait=20", &format!("{{\"weight\":{weight}}}"))
}

#[track_caller]
fn healed(host: &Host) {
    host.plan.off();
    let site = settled(host);
    agrees(host, &site, &BTreeSet::new());
}

#[test]
fn a_change_meets_a_fault_and_is_made_or_refused_and_never_half() {
    let mut host = Host::new(2, Plan::new(0));
    host.start();
    healed(&host);
    let held = Held::open(&host);
    // Status, and what the answer says.
    let rows: [(&[Fault], u16, &str); 7] = [
        (&[(Point::StoreWrite, 0, 1, libc::EIO)], 500, "write to the store"),
        (&[(Point::StoreWrite, 0, 1, libc::ENOSPC)], 507, "there is no room to store the change"),
        (&[(Point::StoreSync, 0, 1, libc::EIO)], 500, "write to the store"),
        (&[(Point::MapRead, 0, 1, libc::ENOMEM)], 200, "\"changed\":true"),
        (&[(Point::Grace, 0, 1, libc::EPERM)], 200, "\"name\":\"b1\""),
        (&[(Point::FileOpen, 0, 50, libc::EMFILE)], 200, "\"name\":\"b1\""),
        (&[(Point::LogWrite, 0, 50, libc::EIO)], 200, "\"name\":\"b1\""),
    ];
    for (number, (faults, code, words)) in rows.into_iter().enumerate() {
        let before = get(&host, "/v1/site").revision;
        for (point, after, count, errno) in faults {
            host.plan.order(*point, *after, *count, *errno);
        }
        let answer = weigh(&host, 10 + number);
        println!("{faults:?}: {answer:?}");
        assert!(answer.code == code && answer.body.contains(words), "{faults:?}: {answer:?}");
        healed(&host);
        let made = u64::from(code == 200);
        assert_eq!(get(&host, "/v1/site").revision, before + made, "{faults:?}");
        assert_eq!(
            get(&host, "/v1/revisions?limit=1").body.matches(&format!("b1 {}\"", 10 + number)).count() as u64,
            made
        );
        let again = weigh(&host, 50 + number);
        assert_eq!((again.code, again.revision), (200, before + made + 1), "{again:?}");
    }
    held.finish();
}

#[test]
fn a_change_that_nobody_knows_of_is_desired_once_it_is_found_stored() {
    let mut host = Host::new(1, Plan::new(0));
    host.start();
    healed(&host);
    let before = get(&host, "/v1/site").revision;
    // The last sync of a commit: all is written by then. The look at what came of it fails, too.
    let (mut known, mut unknown) = (0, 0);
    for sync in 0..3 {
        host.plan.order(Point::StoreSync, sync, 1, libc::EIO);
        host.plan.order(Point::StoreRead, 0, 1, libc::EIO);
        let answer = weigh(&host, 10 + sync as usize);
        host.plan.off();
        println!("sync {sync}: {answer:?}");
        match answer.body.contains("whether the change was stored is not known") {
            true => unknown += 1,
            false => known += 1,
        }
        // It is found out before anything else is answered, and the next change is made for what is stored.
        let (shown, stored) = (get(&host, "/v1/site").revision, get(&host, "/v1/revisions?limit=1").body);
        assert!(stored.contains(&format!("\"revision\":{shown},")), "{shown}: {stored}");
        let again = weigh(&host, 50 + sync as usize);
        assert_eq!((again.code, again.revision), (200, shown + 1), "{again:?}");
    }
    println!("{known} known, {unknown} not known");
    assert!(unknown > 0 && get(&host, "/v1/site").revision > before);
    healed(&host);
}

#[test]
fn a_start_that_meets_a_fault_leaves_packets_to_what_steers_them_and_the_next_one_takes_over() {
    let mut host = Host::new(2, Plan::new(0));
    host.start();
    healed(&host);
    let pinned = host.shell("cd /sys/fs/bpf && find . | sort");
    let held = Held::open(&host);
    let faults: [Fault; 16] = [
        (Point::ProgramLoad, 0, 1, libc::ENOMEM),
        (Point::LinkUpdate, 0, 1, libc::EBUSY),
        (Point::Pin, 0, 1, libc::ENOSPC),
        (Point::Open, 0, 1, libc::ENOMEM),
        (Point::Open, 5, 1, libc::EMFILE),
        (Point::Info, 0, 1, libc::ENOMEM),
        (Point::MapMap, 0, 1, libc::ENOMEM),
        (Point::MapMap, 2, 1, libc::EAGAIN),
        (Point::MapCreate, 0, 1, libc::ENOMEM),
        (Point::MapUpdate, 0, 1, libc::ENOMEM),
        (Point::Names, 0, 1, libc::EIO),
        (Point::StoreOpen, 0, 1, libc::EIO),
        (Point::StoreRead, 0, 1, libc::EIO),
        (Point::StoreSync, 0, 1, libc::EIO),
        (Point::NetlinkOpen, 0, 1, libc::EMFILE),
        (Point::NetlinkSend, 0, 3, libc::ENOBUFS),
    ];
    for (point, after, count, errno) in faults {
        host.kill();
        let (said, failed) = (host.said().len(), host.failed_starts);
        host.plan.order(point, after, count, errno);
        host.start();
        let error =
            host.said()[said..].lines().find(|line| line.starts_with("Error")).unwrap_or_default().to_owned();
        println!("{point} {after} {count} {errno}: {} ended: {error}", host.failed_starts - failed);
        healed(&host);
        assert_eq!(host.shell("cd /sys/fs/bpf && find . | sort"), pinned, "{point}");
    }
    assert!(!host.said().contains("panicked"));
    held.finish();
}
