//! Settings of this host that backends and edge hosts alike need, held against what they must be: pure functions.

use super::{Way, dotted};
use crate::finding::{Finding, State, bad, ok};

/// Whether neighbours that ask for a VIP on `lo` are answered, which is as bad as `heard` says.
pub fn arp_ignore(value: Option<u32>, heard: State) -> Finding {
    let set = || "sysctl -w net.ipv4.conf.all.arp_ignore=1".to_owned();
    match value {
        Some(1 | 2) => ok("arp_ignore", "only addresses of the interface are answered for".to_owned()),
        Some(3) => bad(
            "arp_ignore",
            State::Warn,
            "3: the VIPs are answered for unless their scope is `host`".to_owned(),
            set(),
        ),
        Some(8) => bad("arp_ignore", State::Warn, "8: nothing is answered for".to_owned(), set()),
        other => bad(
            "arp_ignore",
            heard,
            format!("{}: neighbours that ask for a VIP are answered, and send here", shown(other)),
            set(),
        ),
    }
}

/// Whether packets of clients that come in by the interface, for this host itself, are taken (RFC 3704).
pub fn reverse_path(value: Option<u32>, ways: &[Way], interface: &str) -> Finding {
    // The greater value counts, and 2 is the loose one.
    let loose = format!("sysctl -w net.ipv4.conf.{}.rp_filter=2", dotted(interface));
    match value {
        Some(0) => ok("rp_filter", "off".to_owned()),
        Some(2) => ok("rp_filter", "loose".to_owned()),
        Some(1) => match ways.iter().find(|way| !way.is_v6) {
            Some(way) if way.interfaces.iter().all(|it| it == interface) => {
                ok("rp_filter", format!("strict, and the default route leaves by {interface} too"))
            }
            Some(way) => bad(
                "rp_filter",
                State::Fail,
                format!(
                    "strict, and the default route leaves by {}: packets of clients that come in by {interface} are dropped",
                    way.interfaces.join(", ")
                ),
                loose,
            ),
            None => bad(
                "rp_filter",
                State::Warn,
                format!("strict, and no default route says whether replies leave by {interface}"),
                loose,
            ),
        },
        other => bad("rp_filter", State::Warn, format!("{}: unknown", shown(other)), loose),
    }
}

/// A setting for people to read.
pub fn shown(value: Option<u32>) -> String {
    value.map_or_else(|| "not readable".to_owned(), |value| value.to_string())
}
