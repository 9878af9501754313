use anycast_common::flow::Flow;

use super::*;
use crate::{
    api::types::{CatchmentFigures, SpreadStatus},
    flows::sighting::Segment,
};

fn packet(source: &str, hop_limit: u8, flags: u8, sequence: u32, at_ms: u64) -> Sighting {
    let source: IpAddr = source.parse().unwrap();
    let vip: IpAddr = if source.is_ipv4() { [192, 0, 2, 1].into() } else { "2001:db8::1".parse().unwrap() };
    let (source, destination) = (source.into(), vip.into());
    let flow = Flow { source, destination, source_port: 9, destination_port: 443, protocol: 6 };
    let tcp = Some(Segment { flags, sequence, acknowledgement: 0, payload: 0 });
    Sighting { at_ns: at_ms * 1_000_000, flow, bytes: 100, hop_limit, tcp }
}

fn circumstances(networks: usize) -> Circumstances {
    Circumstances {
        who: "root (pid 7)".to_owned(),
        began: Utc::from_unix(1_800_000_000),
        period: Duration::from_secs(10),
        one_in: 4,
        of: 44,
        lost: 0,
        networks,
    }
}

/// Two clients of one network and one of another, with what they are known to be.
fn measured(networks: usize) -> CatchmentStatus {
    let mut measurement = Measurement::default();
    let handshakes =
        [("198.51.100.1", 57, 0, 20), ("198.51.100.2", 116, 5, 45), ("2001:db8:7::1", 250, 7, 207)];
    for (source, hop_limit, began, ended) in handshakes {
        measurement.note(&packet(source, hop_limit, 2, 1, began));
        measurement.note(&packet(source, hop_limit, 16, 2, ended));
    }
    (0..4).for_each(|_| measurement.note(&packet("198.51.100.1", 57, 16, 3, 300)));
    let mut echo = packet("203.0.113.1", 57, 16, 3, 300);
    (echo.flow.protocol, echo.tcp) = (1, None);
    measurement.note(&echo);
    measurement.finish(circumstances(networks))
}

#[test]
fn networks_are_told_by_weight_with_their_distance() {
    let catchment = measured(10);
    let [near, far] = catchment.prefixes.as_slice() else { panic!("{catchment:?}") };
    assert_eq!(near.prefix.to_string(), "198.51.100.0/24");
    assert_eq!((near.figures.packets, near.figures.new_flows, near.figures.handshakes), (8, 2, 2));
    let CatchmentFigures { bytes, bits_per_second, share, packets_per_second, .. } = near.figures;
    assert_eq!(bytes, 800);
    for (figure, expected) in [(bits_per_second, 2_560.0), (share, 0.8), (packets_per_second, 3.2)] {
        assert!((figure - expected).abs() < 1e-6 * expected, "{figure} {expected}");
    }
    assert_eq!(near.figures.hops, Some(SpreadStatus { min: 7, median: 7, max: 12 }));
    let rtt = near.figures.rtt_us.unwrap();
    assert_eq!((rtt.min, rtt.max), (20_000, 40_000));
    assert_eq!(far.prefix.to_string(), "2001:db8:7::/48");
    assert_eq!(far.figures.hops, Some(SpreadStatus { min: 5, median: 5, max: 5 }));
    assert_eq!(far.figures.rtt_us, Some(SpreadStatus { min: 200_000, median: 200_000, max: 200_000 }));
    assert_eq!((catchment.total.packets, catchment.handshakes.measured), (10, 3));
    assert!(!near.rest && !far.rest);
}

#[test]
fn the_rest_of_a_network_is_told_apart() {
    let mut measurement = Measurement::default();
    for (source, times) in [("198.51.100.1", 9), ("198.51.101.1", 2), ("198.51.102.1", 1)] {
        (0..times).for_each(|_| measurement.note(&packet(source, 60, 16, 3, 0)));
    }
    let catchment = measurement.finish(circumstances(2));
    let told: Vec<(String, bool, u64)> = catchment
        .prefixes
        .iter()
        .map(|prefix| (prefix.prefix.to_string(), prefix.rest, prefix.figures.packets))
        .collect();
    assert_eq!(told, [("198.51.100.0/24".to_owned(), false, 9), ("198.51.96.0/20".to_owned(), true, 3)]);
}

#[test]
fn nothing_is_a_catchment_too() {
    let catchment = Measurement::default().finish(circumstances(5));
    assert_eq!((catchment.prefixes.len(), catchment.total.packets), (0, 0));
    assert!(svg(&catchment, Colours::Rtt).contains("Nothing came."));
    assert_eq!(csv(&catchment).lines().count(), 1);
}

#[test]
fn values_are_separated_by_commas() {
    let text = csv(&measured(10));
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{text}");
    let of = |row: usize, name: &str| {
        let place = rows[0].iter().position(|column| *column == name).unwrap();
        rows[row][place]
    };
    assert_eq!((of(1, "prefix"), of(1, "share"), of(1, "hops_median")), ("198.51.100.0/24", "0.800000", "7"));
    assert_eq!((of(2, "rtt_max_us"), of(2, "reply_rtt_max_us"), of(2, "rest")), ("200000", "", "false"));
}

#[test]
fn a_picture_needs_nothing_from_elsewhere() {
    for (colours, near, far) in [(Colours::Rtt, "#c7e9b4", "#253494"), (Colours::Hops, "#c7e9b4", "#c7e9b4")]
    {
        let picture = svg(&measured(10), colours);
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
        assert_eq!(picture.matches("http").count(), 1, "the namespace alone");
        assert!(!picture.contains("NaN"));
        let areas: Vec<&str> = picture.lines().filter(|line| line.starts_with("<g><title>")).collect();
        assert!(
            areas[0].contains("198.51.100.0/24: 80.0% of packets") && areas[0].contains(near),
            "{}",
            areas[0]
        );
        assert!(areas[1].contains(far), "{}", areas[1]);
    }
}
