//! UDP flows that are recorded whatever their slot: no slot tells of them.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use xtask::lab::Family;

use crate::{edge::Edge, held::SWEEP};

const FLOWS: usize = 32;

#[test]
fn pinned_datagrams_hold_a_drain_though_no_slot_waits_for_them() {
    let pinned = |site: String| site.replacen("idle_timeout", "udp = \"pinned\"\nidle_timeout", 1);
    let edge = Edge::start(2, pinned);
    let to = SocketAddr::new(edge.host.lab.plan().vips.of(Family::V4), 53);
    let bind = || Ok((0..FLOWS).map(|_| UdpSocket::bind("0.0.0.0:0")).collect::<Result<Vec<_>, _>>()?);
    let client = edge.host.lab.plan().client.name.clone();
    let sockets = edge.host.lab.inside(&client, bind).unwrap();
    let send = || sockets.iter().for_each(|socket| drop(socket.send_to(b"?", to)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                send();
                thread::sleep(Duration::from_millis(200));
            }
        });
        // Ends the traffic also when something fails.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        thread::sleep(Duration::from_secs(1));
        edge.ctl("backend drain web4 backend2 --remove");
        edge.wait_for("slots are stable", |edge| edge.drain("web4", "backend2").slots == 0);
        let start = Instant::now();
        while start.elapsed() < SWEEP * 2 {
            let drain = edge.drain("web4", "backend2");
            assert!(!drain.empty && drain.flows > 0 && drain.slots == 0, "{drain:?}");
            thread::sleep(Duration::from_millis(300));
        }
    });
    edge.wait_for("it is removed", |edge| edge.is_removed("web4", "backend2"));
}
