//! What traceroute shows of the way to a VIP.

use std::thread;

use xtask::lab::{Family, server::HTTP_PORT, transfer::TRANSFER_PORT};

use crate::harness::{Mode, Stage};

/// The edge is no hop that answers: it counts the hop, and drops what expires there. Behind it probes reach a server by
/// ports it serves, or the edge itself by echo requests.
pub fn routes(stage: &Stage, mode: Mode) {
    let (http, transfer) = (HTTP_PORT.to_string(), TRANSFER_PORT.to_string());
    let probes = [&["-T", "-p", &http][..], &["-U", "-p", &transfer], &["-I"]];
    // The edge's silence is waited for: all at once.
    thread::scope(|scope| {
        for (family, router) in Family::ALL.into_iter().zip(["198.51.100.1", "2001:db8:0:3::1"]) {
            for probe in probes {
                scope.spawn(move || {
                    let vip = stage.vip(family).to_string();
                    let (answered, steered) = (vec![router, &vip], vec![router, "*", &vip]);
                    let hops = trace(stage, probe, &vip);
                    let expected = match mode {
                        _ if probe == ["-I"] => [&answered, &answered],
                        Mode::Local => [&answered, &answered],
                        // A probe's flow may be the edge's own.
                        Mode::Mixed => [&answered, &steered],
                        Mode::L2 | Mode::IpipV4 | Mode::IpipV6 | Mode::GueV4 | Mode::GueV6 => {
                            [&steered, &steered]
                        }
                    };
                    assert!(expected.iter().any(|expected| **expected == hops), "{mode:?}: {hops:?}");
                });
            }
        }
    });
    for family in Family::ALL {
        let expired = stage.reason(family, "ttl_expired");
        if mode != Mode::Mixed {
            assert_eq!(expired >= 2, mode != Mode::Local, "{mode:?}: {expired} expired at the edge");
        }
    }
}

/// Each hop's address, or `*`.
fn trace(stage: &Stage, words: &[&str], vip: &str) -> Vec<String> {
    let mut all = vec!["-n", "-q1", "-w1", "-m4", "-N8"];
    all.extend(words);
    all.push(vip);
    let said = stage.lab.run("client", "traceroute", &all).unwrap();
    let hop = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let hops: Vec<String> = said.lines().skip(1).map(hop).collect();
    println!("traceroute {} {vip}: {}", words.join(" "), hops.join(" → "));
    hops
}

#[test]
fn probes_of_ports_that_nobody_serves_end_where_the_vip_is_held() {
    let stage = Stage::new(Mode::L2);
    for family in Family::ALL {
        let vip = stage.vip(family).to_string();
        // What no service names is left to the edge's own stack, which does not have the address.
        assert!(!trace(&stage, &["-w1", "-m3"], &vip).contains(&vip));
        assert!(stage.reason(family, "unknown_port_passed") > 0);
    }
    let stage = Stage::new(Mode::Local);
    for family in Family::ALL {
        let vip = stage.vip(family).to_string();
        assert_eq!(trace(&stage, &[], &vip).last(), Some(&vip));
    }
}
