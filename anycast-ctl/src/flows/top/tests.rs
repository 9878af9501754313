use std::time::Duration;

use anycast_common::flow::Flow;

use super::*;
use crate::flows::sighting::Sighting;

fn seen(source: &str, bytes: u32, backend: u16) -> Seen {
    let destination = Address::from_v4([192, 0, 2, 1]);
    let source: IpAddr = source.parse().unwrap();
    let flow = Flow { source: source.into(), destination, source_port: 1, destination_port: 2, protocol: 6 };
    let sighting = Sighting { at_ns: 0, flow, bytes, hop_limit: 60, tcp: None };
    Seen { sighting, is_vip: true, backend: Some(backend).filter(|index| *index != 0) }
}

fn rows(by: TopBy, limit: usize) -> Vec<TopRow> {
    let mut top = Top::new(Grouping { by, v4_bits: 24, v6_bits: 48 });
    let packets = [
        ("198.51.100.1", 100, 1, 4),
        ("198.51.100.2", 100, 2, 3),
        ("203.0.113.9", 1_000, 1, 2),
        ("2001:db8:7:8::9", 50, 0, 1),
    ];
    for (source, bytes, backend, times) in packets {
        (0..times).for_each(|_| top.note(&seen(source, bytes, backend)));
    }
    assert_eq!(top.counted(), (10, 2_750));
    let sample = Sample { of: 100, packets: 10, period: Duration::from_secs(5) };
    top.rows(&sample, &SiteNames::default(), limit)
}

fn found(rows: &[TopRow]) -> Vec<(&str, u64, f64)> {
    rows.iter().map(|row| (row.name.as_str(), row.sampled_packets, row.bits_per_second)).collect()
}

#[test]
fn packets_are_counted_by_what_was_asked_for() {
    assert_eq!(found(&rows(TopBy::Source, 2)), [("198.51.100.1", 4, 6_400.0), ("198.51.100.2", 3, 4_800.0)]);
    assert_eq!(
        found(&rows(TopBy::Prefix, 9)),
        [("198.51.100.0/24", 7, 11_200.0), ("203.0.113.0/24", 2, 32_000.0), ("2001:db8:7::/48", 1, 800.0)]
    );
    assert_eq!(
        found(&rows(TopBy::Backend, 9)),
        [("(index 1)", 6, 38_400.0), ("(index 2)", 3, 4_800.0), ("(not delivered)", 1, 800.0)]
    );
    assert_eq!(found(&rows(TopBy::Vip, 9)), [("192.0.2.1", 10, 44_000.0)]);
}

#[test]
fn a_row_says_how_wrong_it_may_be() {
    let rows = rows(TopBy::Source, 9);
    assert_eq!((rows[0].share, rows[0].packets_per_second), (0.4, 8.0));
    // Wilson's interval for 4 of 10 is 0.168 to 0.687.
    assert!((rows[0].share_error - 0.9_f64.sqrt() * 0.2595).abs() < 1e-3, "{:?}", rows[0]);
    assert!((rows[0].packets_error - 20.0 * rows[0].share_error).abs() < 1e-9, "{:?}", rows[0]);
}
