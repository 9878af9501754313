//! Pings of a VIP.

use xtask::lab::Family;

use crate::harness::{Mode, Stage};

/// Without a payload, with the usual one, and as large as any client sends that knows what fits a tunnel.
pub fn is_answered_by_the_edge(stage: &Stage, family: Family) {
    let vip = stage.vip(family).to_string();
    for size in ["0", "56", "1400"] {
        let before = stage.reason(family, "echo_answered");
        let said =
            stage.lab.run("client", "ping", &["-n", "-c3", "-i0.05", "-W5", "-s", size, &vip]).unwrap();
        assert!(said.contains(" 3 received, 0% packet loss"), "{said}");
        assert_eq!(stage.reason(family, "echo_answered") - before, 3);
    }
}

#[test]
fn without_echo_a_ping_is_for_the_hosts_own_stack() {
    let off = |site: &mut String| {
        *site = site.replace("\n[[vip]]\n", "\n[[vip]]\necho = false\n");
    };
    for (mode, answered) in [(Mode::L2, false), (Mode::Local, true)] {
        let stage = Stage::with(mode, false, off);
        for family in Family::ALL {
            let vip = stage.vip(family).to_string();
            let said = stage.lab.run("client", "ping", &["-n", "-c2", "-i0.05", "-W1", &vip]);
            // Only the edge that holds the VIP itself has a stack that answers.
            assert_eq!(said.is_ok(), answered, "{said:?}");
            assert_eq!((stage.reason(family, "echo_answered"), stage.reason(family, "icmp")), (0, 2));
        }
    }
}
