//! Faults one by one: what the operator sees, and that all is well afterwards. docs/faults.md has the same as a table.

use std::{collections::BTreeSet, time::Duration};

use serde_json::Value;

use crate::{
    held::Held,
    host::Host,
    http::Answer,
    plan::Plan,
    point::Point,
    rest::{agrees, settled},
};

/// What a start says when it has waited for next hops in vain.
const UNANSWERED: &str = "have not answered yet";

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
    // The words with which the daemon that met it ended; none: it did not end.
    let faults: [(Fault, &str); 17] = [
        ((Point::ProgramLoad, 0, 99, libc::ENOMEM), "anycast-ctl: "),
        (
            (Point::LinkUpdate, 0, 1, libc::EBUSY),
            "loading the XDP program into the kernel: `bpf_link_update` failed: ",
        ),
        ((Point::Pin, 0, 1, libc::ENOSPC), "pinning /sys/fs/bpf/anycast/edge/anycast/program-next: "),
        ((Point::Open, 0, 1, libc::ENOMEM), "/IDENTITY: "),
        (
            (Point::Open, 5, 1, libc::EMFILE),
            "nothing was changed, and packets are steered as before: start again",
        ),
        (
            (Point::Info, 0, 1, libc::ENOMEM),
            "nothing was changed, and packets are steered as before: start again",
        ),
        ((Point::MapMap, 0, 1, libc::ENOMEM), "mapping LOOKUPS into memory: ENOMEM"),
        ((Point::MapMap, 2, 1, libc::EAGAIN), "mapping SLOTS into memory: EAGAIN"),
        ((Point::MapCreate, 0, 99, libc::ENOMEM), "loading the XDP program: "),
        ((Point::MapUpdate, 0, 1, libc::ENOMEM), "`bpf_map_update_elem` failed: Cannot allocate memory"),
        ((Point::Names, 0, 1, libc::EIO), "creating /sys/fs/bpf/anycast/edge/anycast: Input/output error"),
        ((Point::StoreOpen, 0, 1, libc::EIO), "create the state directory "),
        ((Point::StoreRead, 0, 1, libc::EIO), "open the store "),
        ((Point::StoreSync, 0, 1, libc::EIO), "open the store "),
        (
            (Point::NetlinkOpen, 0, 1, libc::EMFILE),
            "open a netlink socket to list interfaces: Too many open files",
        ),
        (
            (Point::NetlinkSend, 0, 1, libc::ENOBUFS),
            "list interfaces over netlink: the kernel's answer did not come",
        ),
        // The third asks for the backends' next hops: sessions go on until they are known.
        ((Point::NetlinkSend, 2, 1, libc::ENOBUFS), ""),
    ];
    for ((point, after, count, errno), words) in faults {
        host.kill();
        let (before, failed) = (host.errors().len(), host.failed_starts);
        host.plan.order(point, after, count, errno);
        host.spawn(&[]);
        let ended = host.wait_for_an_answer();
        host.plan.off();
        let error = host.errors()[before..].first().cloned().unwrap_or_default();
        println!("{point} after {after}: {error}");
        let is_told = ended != words.is_empty() && error.contains(words);
        assert!(is_told && host.failed_starts == failed, "{point} after {after}: {error}: {}", host.said());
        if ended {
            host.start();
        }
        healed(&host);
        assert_eq!(host.shell("cd /sys/fs/bpf && find . | sort"), pinned, "{point}");
    }
    assert!(!host.said().contains("panicked"));
    held.finish();
}

#[test]
fn an_answer_of_the_kernel_that_is_lost_is_not_waited_for_without_end() {
    let mut host = Host::new(1, Plan::new(0));
    host.start();
    healed(&host);
    let mut lost = 0;
    // Which of the first reads has the answer is tokio's affair.
    for read in 0..4 {
        host.kill();
        let before = host.errors().len();
        host.plan.order(Point::NetlinkReceive, read, 1, libc::ENOBUFS);
        host.spawn(&[]);
        let ended = host.wait_for_an_answer();
        host.plan.off();
        let error = host.errors()[before..].first().cloned().unwrap_or_default();
        println!("read {read}: {error}");
        if ended {
            assert!(error.contains("the kernel's answer did not come"), "{error}");
            lost += 1;
            host.start();
        }
        healed(&host);
    }
    assert!(lost > 0);
}

#[test]
fn a_start_that_the_kernel_tells_no_next_hops_leaves_backends_that_the_maps_have_as_they_are() {
    let mut host = Host::new(2, Plan::new(0));
    host.start();
    healed(&host);
    let table = |host: &Host| {
        let pools = ["web4", "web6", "churn-1"];
        let of = |pool: &str| get(host, &format!("/v1/pools/{pool}/backends")).body;
        let backends = pools.iter().flat_map(|pool| serde_json::from_str::<Vec<Value>>(&of(pool)).unwrap());
        let told = |it: Value| ["name", "state", "slots"].map(|key| it[key].to_string()).join(" ");
        backends.map(told).collect::<Vec<_>>()
    };
    let before = table(&host);
    let held = Held::open(&host);
    // Longer than it waits for all of them, together.
    let (times, silent) = (4, Duration::from_secs(1));
    for what in ["questions fail", "questions wait"] {
        let told = host.said().matches(UNANSWERED).count();
        host.kill();
        match what {
            "questions fail" => host.plan.order(Point::NetlinkSend, 2, 100_000, libc::ENOBUFS),
            _ => host.plan.hold(Point::NetlinkSend, 2, times, silent),
        }
        host.start();
        // It has waited as long as it does, and goes by what it has.
        eventually(&host, what, |said| said.matches(UNANSWERED).count() > told);
        println!("{what}: {:?}", table(&host));
        assert_eq!(table(&host), before, "{what}: {}", host.said());
        healed(&host);
    }
    held.finish();
}

/// Asks for something, and answers with the status and what was said.
fn ask(host: &Host, method: &str, path: &str, body: &str) -> (u16, String) {
    let headers = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
    let answer = host.connect().ask(method, path, headers, body).unwrap();
    (answer.code, answer.body)
}

#[test]
fn a_question_that_meets_a_fault_is_refused_and_nothing_else() {
    const EXPLAIN: &str = "/v1/explain?from=198.51.100.7:40000&to=192.0.2.1:443/tcp&packet=syn";
    let mut host = Host::new(2, Plan::new(0));
    host.start();
    healed(&host);
    let program = host.shell("ip -json link show dev eth0");
    let held = Held::open(&host);
    let rows: [(Fault, &str, &str, &str); 6] = [
        ((Point::MapRead, 0, 1, libc::ENOMEM), "GET", "/v1/status", ""),
        ((Point::ProgramLoad, 0, 99, libc::ENOMEM), "GET", EXPLAIN, ""),
        ((Point::ProgramRun, 0, 1, libc::ENOMEM), "GET", EXPLAIN, ""),
        ((Point::MapCreate, 0, 99, libc::ENOMEM), "POST", "/v1/captures", "{}"),
        ((Point::ProgramLoad, 0, 99, libc::ENOMEM), "POST", "/v1/captures", "{}"),
        ((Point::LinkUpdate, 0, 99, libc::EBUSY), "POST", "/v1/captures", "{}"),
    ];
    for ((point, after, count, errno), method, path, body) in rows {
        host.plan.order(point, after, count, errno);
        let (code, words) = ask(&host, method, path, body);
        println!("{point}: {method} {path}: {code} {words}");
        assert!(code == 500 && words.starts_with("{\"error\":\""), "{point}: {code} {words}");
        healed(&host);
        assert_eq!(host.shell("ip -json link show dev eth0"), program);
        if method == "GET" {
            let (code, words) = ask(&host, method, path, body);
            assert_eq!(code, 200, "{words}");
        }
    }
    held.finish();
}

#[test]
fn a_check_that_cannot_be_made_is_no_verdict() {
    let mut host = Host::new(2, Plan::new(0));
    host.start();
    healed(&host);
    let events = || host.said();
    for (point, errno, words) in [
        (Point::CheckOpen, libc::EMFILE, "cannot be checked: open a socket: too many open files"),
        (
            Point::CheckConnect,
            libc::EADDRNOTAVAIL,
            "cannot be checked: connect: cannot assign requested address",
        ),
        (Point::ExecSpawn, libc::ETXTBSY, "text file busy"),
    ] {
        host.plan.order(point, 0, 1_000, errno);
        eventually(&host, words, |said| said.contains(words));
        healed(&host);
    }
    assert!(!events().contains("is down, was up"), "{}", events());
    // A server that answers so is down, and up when it answers again.
    host.plan.order(Point::CheckConnect, 0, 1_000, libc::ECONNREFUSED);
    eventually(&host, "a server is down", |said| said.contains("is down, was up"));
    healed(&host);
    let up = |said: &str| said.matches("is up, was down").count() == said.matches("is down, was up").count();
    eventually(&host, "all are up again", up);
}

#[track_caller]
fn eventually(host: &Host, what: &str, holds: impl Fn(&str) -> bool) {
    let begun = std::time::Instant::now();
    while !holds(&host.said()) {
        assert!(begun.elapsed() < crate::host::SOON, "not: {what}: {}", host.said());
        std::thread::sleep(Duration::from_millis(50));
    }
}
