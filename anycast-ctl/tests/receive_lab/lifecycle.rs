//! Starting, surviving the command, changing without a gap, ending.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anycast_ctl::receive::InterfaceStatus;

use crate::{
    harness::{Pair, complaint, stdout, wait_for},
    traffic::{Server, Way, Wire, assert_answered},
};

const START: &str = "--interface eth0 --from 10.0.0.0/24";

#[test]
fn what_was_started_stays_until_it_isstopped() {
    let pair = Pair::new();
    let backend = &pair.backend;
    let told = stdout(&backend.receive(START));
    assert!(
        told.starts_with("receiving on eth0 (native) from 10.0.0.0/24; GUE at UDP port 6080\n"),
        "{told}"
    );
    let id = backend.program("eth0").unwrap();
    let pins = [
        "link",
        "maps-1",
        "maps-1/CONFIG",
        "maps-1/OUTCOMES",
        "maps-1/SENDERS",
        "maps-1/STRANGERS",
        "program",
    ];
    let mut pinned = backend.pinned();
    pinned.sort();
    let below = |pin: &str| format!("anycast/receive/eth0/{pin}");
    assert_eq!(pinned[2..], pins.map(below));

    let status = backend.status();
    assert_eq!((status.interface.as_str(), status.program_name.as_str()), ("eth0", "receive"));
    assert_eq!((u64::from(status.program_id), status.program_tag.len()), (id, 16));
    assert_eq!(status.gue_port, Some(6080));
    assert_eq!(status.senders.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/24"]);
    assert!(status.since_unix_seconds > 1_700_000_000 && status.uptime_seconds < 60, "{status:?}");
    let table = stdout(&backend.receive("status"));
    assert!(table.starts_with("INTERFACE eth0: native, for "), "{table}");
    assert!(table.contains("unknown_sender  drop               0  A tunnel packet of nobody"), "{table}");

    assert_eq!(stdout(&backend.receive("stop --interface eth0")), "no longer receiving tunnels on eth0\n");
    assert_eq!((backend.program("eth0"), backend.pinned()), (None, vec!["anycast/receive".to_owned()]));
    assert!(complaint(&backend.receive("stop --interface eth0")).contains("nothing is pinned for eth0"));
}

/// Ends the sending thread, also when an assertion fails meanwhile: its scope waits for it.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A stream of numbered requests: whatever is done to the settings, and whichever program runs, each arrives.
#[test]
fn changes_lose_no_packet() {
    let pair = Pair::new();
    let backend = &pair.backend;
    let server = Server::new(backend);
    stdout(&backend.receive(START));
    let id = backend.program("eth0").unwrap();

    let (stop, wire) = (AtomicBool::new(false), Wire::new(&pair.neighbour));
    let sent = thread::scope(|scope| {
        let sender = scope.spawn(|| {
            let mut sent = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..4 {
                    let gue = sent.is_multiple_of(2).then_some(6080);
                    wire.send(&Way { gue, ..Way::IPIP }.frame(&sent.to_be_bytes()));
                    sent += 1;
                }
                thread::sleep(Duration::from_millis(1));
            }
            sent
        });
        let stopped = StopAtEnd(&stop);
        for round in 0..12 {
            let more = ["", " --from fd00::/64 --from 192.0.2.0/24", " --from 0.0.0.0/0"][round % 3];
            let told = stdout(&backend.receive(&format!("{START}{more}")));
            assert!(told.starts_with("settings changed: receiving on eth0 (native)"), "{told}");
        }
        assert_eq!(backend.program("eth0"), Some(id), "the same program is not attached anew");
        for _ in 0..4 {
            // As if the pinned program were another version's: it is replaced.
            backend.run("rm", "/sys/fs/bpf/anycast/receive/eth0/program");
            let told = stdout(&backend.receive(START));
            assert!(told.starts_with("settings and program changed: receiving"), "{told}");
        }
        drop(stopped);
        sender.join().unwrap()
    });
    assert_ne!(backend.program("eth0"), Some(id));
    assert_eq!(Some(u64::from(backend.status().program_id)), backend.program("eth0"));
    wait_for("every request is served", || server.served() == sent);
    // The counters went on across all of it.
    let counted = backend.counted("ipip") + backend.counted("gue");
    assert_eq!((counted, backend.counted("unknown_sender")), (sent, 0), "of {sent} sent");
    assert!(sent > 200, "{sent} packets are too few to tell");
}

#[test]
fn an_interface_that_came_back_is_started_anew() {
    let pair = Pair::new();
    let _server = Server::new(&pair.backend);
    stdout(&pair.backend.receive(START));
    pair.backend.run("ip", "link set eth0 name wan");
    let gone = pair.backend.status();
    assert!(gone.mode.is_none() && gone.detail.unwrap().contains("no interface is called `eth0`"));
    pair.backend.run("ip", "link set wan name eth0");
    assert!(pair.backend.status().mode.is_some(), "a link holds on to its interface");

    // Another interface of the same name.
    pair.backend.run("ip", "link delete eth0");
    let backend_path = pair.backend.path();
    pair.neighbour.run(
        "ip",
        &format!("link add p0 address 02:00:00:00:00:10 type veth peer name eth0 address 02:00:00:00:00:11 netns {backend_path}"),
    );
    pair.backend.run("ip", "addr add 10.0.0.11/24 dev eth0");
    pair.backend.run("ip", "-6 addr add fd00::11/64 dev eth0 nodad");
    pair.neighbour.run("ip", "addr add 10.0.0.10/24 dev p0");
    pair.neighbour.run("ip", "-6 addr add fd00::10/64 dev p0 nodad");
    pair.neighbour.run("ip", "link set p0 up");
    pair.route();
    let stale = pair.backend.status();
    assert!(stale.mode.is_none() && stale.detail.unwrap().contains("made anew"));
    assert_answered(&pair, Way::IPIP, false);
    let told = stdout(&pair.backend.receive(&format!("{START} --mode generic")));
    assert!(told.starts_with("receiving on eth0 (generic)"), "{told}");
    assert_answered(&pair, Way::IPIP, true);
    assert_eq!(pair.backend.counted("ipip"), 1);
}

#[test]
fn what_a_killed_run_left_is_in_nobodys_way() {
    let pair = Pair::new();
    let backend = &pair.backend;
    stdout(&backend.receive(START));
    // Without its link the program is detached; all else is there.
    backend.run("rm", "/sys/fs/bpf/anycast/receive/eth0/link");
    wait_for("the program is detached", || backend.program("eth0").is_none());
    assert!(complaint(&backend.receive("status --interface eth0")).contains("eth0 is not receiving tunnels"));
    backend.run("mkdir", "/sys/fs/bpf/anycast/receive/eth0/maps-0");
    let told = stdout(&backend.receive(START));
    assert!(told.starts_with("receiving on eth0"), "{told}");
    assert!(!backend.pinned().iter().any(|pin| pin.contains("maps-0")), "{:?}", backend.pinned());
    stdout(&backend.receive("stop --interface eth0"));
}

#[test]
fn interfaces_have_settings_of_their_own() {
    let pair = Pair::new();
    let backend = &pair.backend;
    // As a VLAN's is called; a bpffs takes no dot.
    backend.run("ip", "link add name eth0.100 type veth peer name other");
    stdout(&backend.receive("--interface eth0.100 --from 192.0.2.0/24 --mode generic --gue-port 1"));
    stdout(&backend.receive(START));
    let all: anycast_ctl::receive::ReceiveStatus =
        serde_json::from_str(&stdout(&backend.receive("status --json"))).unwrap();
    let seen = |it: &InterfaceStatus| (it.interface.clone(), it.gue_port, it.senders[0].to_string());
    assert_eq!(
        all.interfaces.iter().map(seen).collect::<Vec<_>>(),
        [
            ("eth0".to_owned(), Some(6080), "10.0.0.0/24".to_owned()),
            ("eth0.100".to_owned(), Some(1), "192.0.2.0/24".to_owned())
        ]
    );
    stdout(&backend.receive("stop --interface eth0.100"));
    assert_eq!(backend.status().interface, "eth0");
    // Another directory is another world.
    let elsewhere = "--bpffs /sys/fs/bpf/elsewhere";
    assert!(complaint(&backend.receive(&format!("status {elsewhere}"))).contains("not receiving"));
    let environment = [("ANYCAST_BPFFS", "/sys/fs/bpf/elsewhere")];
    stdout(&backend.receive_with("--interface other --from 192.0.2.0/24 --mode generic", &environment));
    stdout(&backend.receive(&format!("status --interface other {elsewhere}")));
    assert_eq!(backend.status().interface, "eth0");
}
