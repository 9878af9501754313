//! Where many packets go.

use std::{collections::BTreeSet, process::Command};

use anycast_common::reason::Reason;
use anycast_ctl::preflight::{KernelRelease, Surroundings};

use crate::{
    harness::{Harness, Outcome},
    packet::{BOTH, L4, V4, syn, tcp, to},
    site::{BACKENDS, L2, State},
    table::{Expect, check, reach, row},
    taps::tapper::Tapper,
};

#[test]
fn a_flow_always_reaches_the_same_backend() {
    let mut harness = Harness::new();
    for vip in BOTH {
        let packets = [syn(vip), tcp(vip)];
        let reached: BTreeSet<u16> =
            (0..500).map(|round| reach(&mut harness, "same flow", &packets[round % packets.len()])).collect();
        assert_eq!(reached.len(), 1, "{vip}: {reached:?}");
    }
}

#[test]
fn different_flows_reach_every_backend() {
    let mut harness = Harness::new();
    for vip in BOTH {
        let mut reached = [0u32; BACKENDS as usize];
        for port in 1024..1424 {
            let packet = to(vip, L4::Udp(port, 53));
            let index = reach(&mut harness, "spread", &packet);
            assert_eq!(index, harness.owner_of(&packet.flow()), "{vip} {port}");
            reached[usize::from(index)] += 1;
        }
        assert!(reached.iter().all(|&count| count > 50), "{vip}: {reached:?}");
    }
}

/// Backends behind another interface of the host: the frame is redirected, with that interface's address as source.
#[test]
fn backends_behind_another_interface_are_redirected_to() {
    std::thread::spawn(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
        let made = Command::new("ip").args("link add d0 type veth peer name d1".split(' ')).status().unwrap();
        assert!(made.success());
        let ifindex = nix::net::if_::if_nametoindex("d0").unwrap();
        let mut harness = Harness::new();
        harness.elsewhere = ifindex;
        harness.dataplane.add_device(ifindex).unwrap();
        let mut rows = Vec::new();
        for delivery in anycast_common::backend::Delivery::ALL {
            let state = State { delivery: Some(delivery), elsewhere: true, ..L2 };
            rows.extend(
                BOTH.map(|vip| row(format!("{vip} {delivery:?}"), state, syn(vip), Expect::Delivered)),
            );
        }
        check(&mut harness, &rows);
        harness.set(&State { elsewhere: true, ..L2 });
        harness.dataplane.remove_device(ifindex).unwrap();
        let refused = harness.run("redirect to a removed device", &syn(V4).bytes());
        assert_eq!(refused, Outcome::Dropped { vip: 1, reason: Reason::NoDevice });
    })
    .join()
    .unwrap();
}

#[test]
fn the_programs_stay_small() {
    // Older verifiers find fewer states alike, and walk more of them. `cargo xtask test-vm` compares each kernel with itself.
    let current = KernelRelease { major: 6, minor: 18 };
    let limit = if Surroundings::gather().unwrap().release().unwrap() < current { 80_000 } else { 60_000 };
    for mut harness in [Harness::new(), Harness::linear()] {
        let name = harness.dataplane.program_name();
        let [program, tracer] = harness.program_sizes();
        say_size(name, program);
        say_size(&name.replace("anycast", "trace"), tracer);
        assert!(program.0 < limit, "{name}: {}", program.0);
    }
    say_size("tapped", Tapper::load(&Harness::new()).size());
}

/// For whoever compares them between kernels.
fn say_size(name: &str, (instructions, jitted_bytes): (u32, u32)) {
    println!("{name}: verified instructions {instructions}, JIT bytes {jitted_bytes}");
}
